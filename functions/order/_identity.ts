import * as crypto from 'node:crypto'

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The order that this user's request with this key is: a repeat names the same one, for good. */
export function orderId(user: string, key: string): string {
  const digest = sha256(JSON.stringify([user, key]), 'binary')
  let bits = 0
  let value = 0
  let id = ''
  for (let byte = 0; id.length < 26; byte++) {
    value = (value << 8) | digest.charCodeAt(byte)
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
export const requestHash = (request: unknown): string => sha256(canonical(request), 'hex')

/** Written at once, since a copy with its keys in order costs as much as the hash. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = value as Record<string, unknown>
  const keys = Object.keys(fields).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(fields[key])}`).join()}}`
}

/** In one call where this Node has it: an object for each hash costs more than the hash. */
const sha256 = (text: string, encoding: 'hex' | 'binary'): string =>
  crypto.hash?.('sha256', text, encoding) ?? crypto.createHash('sha256').update(text).digest(encoding)
