import { array, enums, integer, max, min, object, pattern, refine, type Struct, size, string } from 'superstruct'

/** A string of so many characters (code points, as JSON Schema counts them). */
export const text = (least: number, most: number) =>
  refine(string(), 'text', (value) => {
    const length = value.length <= most ? value.length : [...value].length
    return (length >= least && length <= most) || `Expected a string of ${least} to ${most} characters`
  })

const formed = (form: RegExp, what: string) =>
  refine(string(), 'form', (value) => form.test(value) || `Expected ${what}`)

export const OrderId = formed(/^[0-9A-HJKMNP-TV-Z]{26}$/, '26 characters of Crockford base32, upper case')
export const UserId = text(1, 128)
export const Sku = formed(
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  'a SKU: 1 to 64 letters, digits, _ and -, the first a letter or digit',
)
// Days that every month has need no calendar, which costs more than the rest of a message.
const ordinaryTime = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3])(:[0-5]\d){2}\.\d{3}Z$/
/** UTC, ISO 8601 with milliseconds. */
export const Time = refine(
  string(),
  'time',
  (value) =>
    ordinaryTime.test(value) ||
    (value.length === 24 && new Date(value).toJSON() === value) ||
    'Expected a time as 2026-01-30T12:00:00.000Z',
)
/** Minor units. */
export const Amount = min(integer(), 0)
export const Currency = pattern(string(), /^[A-Z]{3}$/)
export const Reason = text(1, 200)
export const By = enums(['customer', 'operator', 'system'])

export const quantity = (most: number) => max(min(integer(), 1), most)
export const Line = object({ sku: Sku, qty: quantity(1_000_000) })

/** 1 to 100 lines, each of another SKU: a rule that looks at one line alone would hold too much of a SKU on two. */
export const linesOf = <T extends { sku: string }, S>(line: Struct<T, S>) =>
  refine(
    size(array(line), 1, 100),
    'merged',
    // The lines may be no lines here: superstruct refines an array where its last element failed a refinement alone.
    (lines) => new Set(lines.map((one) => one?.sku)).size === lines.length || 'Expected each SKU on one line',
  )

export const Lines = linesOf(Line)

/** On every event of an order. */
export const ofOrder = { order_id: OrderId, user_id: UserId, occurred_at: Time }

/** Names an event for what happened: one of its type for an order. */
export const oncePerOrder = (type: string) => (body: { order_id: string }) => `${type}:${body.order_id}`

let latest = { at: 0, text: '' }

/** Written once a millisecond. */
export function now(): string {
  const at = Date.now()
  if (at !== latest.at) latest = { at, text: new Date(at).toISOString() }
  return latest.text
}
