import { rejection } from './errors'
import type { Cause } from './types'

/** Headers as the runtime passes them: one value for each name. */
export type Headers = Record<string, string>
/** As they are sent: a dead letter keeps all the values that its message came with. */
export type SentHeaders = Record<string, string | string[]>

export const messageId = 'Nats-Msg-Id'
export const traceparent = 'traceparent'
export const idempotencyKey = 'Idempotency-Key'
/** The key was made for this request alone: nothing was ever asked with it. */
export const isNewKey = 'Idempotency-Key-New'
export const idempotentReplayed = 'Idempotent-Replayed'
export const errorCode = 'Nats-Service-Error-Code'
export const errorText = 'Nats-Service-Error'
/** On an error reply: it failed since something that it needs cannot be reached, so the caller may wait for it, too. */
export const serviceAway = 'Service-Away'
/** What is left of the caller's time, in milliseconds. */
export const timeLeft = 'Timeout-Ms'
/** On all that a handler sends: the id of what it was handling, its name, and at which attempt where not the first. */
export const causedBy = 'Caused-By'
const emittedBy = 'Emitted-By'
const emittedAt = 'Attempt'

const utf8 = new TextDecoder('utf-8', { fatal: true })
const byteOrderMark = 0xfeff

/** A body on its way: text goes out in one piece with what stands around it, and comes in as text where it is ASCII. */
export type Data = Uint8Array | string

export function encode(body: unknown): string {
  const text = JSON.stringify(body)
  if (text === undefined) throw new TypeError('there is no JSON for it')
  return text
}

/** The JSON value of the body; refuses (400) what is not JSON in UTF-8. An empty one is an empty object. */
export function decode(data: Data): unknown {
  if (data.length === 0) return {}
  try {
    return JSON.parse(typeof data === 'string' ? data : decoded(data))
  } catch {
    throw rejection(400, 'The body is not JSON.', [{ pointer: '#', detail: 'is not JSON in UTF-8' }])
  }
}

const { utf8Slice } = Buffer.prototype as unknown as { utf8Slice(this: Uint8Array, from: number, to: number): string }

/** As text, what is no UTF-8 replaced; without the Buffer that would cost more than the text. */
export const textOf = (data: Data): string => (typeof data === 'string' ? data : utf8Slice.call(data, 0, data.length))

/** The strict decoder, which costs more, only where the lenient one met something. */
function decoded(data: Uint8Array): string {
  const text = textOf(data)
  return text.includes('\ufffd') || text.charCodeAt(0) === byteOrderMark ? utf8.decode(data) : text
}

/** With these added. */
export function causeHeaders({ id, function: name, attempt }: Cause, headers: Headers): Headers {
  if (id !== undefined) headers[causedBy] = headerText(id)
  headers[emittedBy] = name
  if (attempt > 1) headers[emittedAt] = String(attempt)
  return headers
}

/** Undefined for what a stranger sent, who need not know these headers. */
export function causeIn({ [causedBy]: id, [emittedBy]: name, [emittedAt]: tries }: Headers): Cause | undefined {
  const attempt = /^[1-9]\d{0,8}$/.test(tries ?? '') ? Number(tries) : 1
  if (!name) return undefined
  return id ? { id, function: name, attempt } : { function: name, attempt }
}

/** A header value may hold no line break and the broker takes no more than 64 KiB of them all. */
export const headerText = (text: string, most = 500): string => {
  const given = String(text)
  return (lineBreak.test(given) ? given.replace(/[\r\n]+/g, ' ') : given).slice(0, most)
}

const lineBreak = /[\r\n]/
