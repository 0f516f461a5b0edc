import * as crypto from 'node:crypto'
import type { NewOrder } from './_contract'

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const pairs = Array.from({ length: 1024 }, (_, ten) => crockford.charAt(ten >> 5) + crockford.charAt(ten & 31))

/** The order that this user's request with this key is: a repeat names the same one, for good. */
export function orderId(user: string, key: string): string {
  const digest = sha256(JSON.stringify([user, key]), 'binary')
  let id = ''
  for (let bit = 0; bit < 130; bit += 10) {
    const at = bit >> 3
    const bytes = (digest.charCodeAt(at) << 16) | (digest.charCodeAt(at + 1) << 8) | digest.charCodeAt(at + 2)
    id += pairs[(bytes >> (14 - (bit & 7))) & 1023]
  }
  return id
}

type Line = NewOrder['items'][number]

/** SHA-256 of a request as canonical JSON, its keys in order: equal for requests that are equal as parsed JSON. */
export function requestHash({ user_id, items, address, payment_method }: NewOrder): string {
  const lines = items.map(({ sku, qty }): Required<Line> => ({ qty, sku }))
  const canonical: Required<NewOrder> = { address, items: lines, payment_method, user_id }
  return sha256(JSON.stringify(canonical), 'hex')
}

/** In one call where this Node has it: an object for each hash costs more than the hash. */
const sha256 = (text: string, encoding: 'hex' | 'binary'): string =>
  crypto.hash?.('sha256', text, encoding) ?? crypto.createHash('sha256').update(text).digest(encoding)
