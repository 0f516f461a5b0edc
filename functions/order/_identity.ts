import { createHash } from 'node:crypto'

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The order that this user's request with this key is: a repeat names the same one, for good. */
export function orderId(user: string, key: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([user, key]))
    .digest()
  let bits = 0
  let value = 0
  let id = ''
  for (const byte of digest) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5 && id.length < 26) {
      bits -= 5
      id += crockford[(value >> bits) & 31]
    }
    value &= (1 << bits) - 1
  }
  return id
}

/** SHA-256 of a request as canonical JSON: equal for requests that are equal as parsed JSON. */
export const requestHash = (request: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical(request)))
    .digest('hex')

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const fields = value as Record<string, unknown>
  return Object.fromEntries(
    Object.keys(fields)
      .sort()
      .map((key) => [key, canonical(fields[key])]),
  )
}
