import { createHash } from 'node:crypto'

/** messages.md: the first 26 characters of the Crockford base32 of SHA-256 over the JSON `[user_id, key]`. */
export function orderIdOf(user: string, key: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([user, key]))
    .digest('hex')
  const bits = BigInt(`0x${hex}`).toString(2).padStart(256, '0')
  const digits = bits.match(/.{5}/g)?.slice(0, 26) ?? []
  return digits.map((five) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[Number.parseInt(five, 2)]).join('')
}
