import { rejection } from './errors'
import type { Cause } from './types'

/** Headers as the runtime passes them: one value for each name. */
export type Headers = Record<string, string>
/** As they are sent: a dead letter keeps all the values that its message came with. */
export type SentHeaders = Record<string, string | string[]>

export const messageId = 'Nats-Msg-Id'
export const traceparent = 'traceparent'
export const idempotencyKey = 'Idempotency-Key'
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

export const encode = (body: unknown): Uint8Array => Buffer.from(JSON.stringify(body))

/** The JSON value of the bytes; refuses (400) what is not JSON in UTF-8. An empty body is an empty object. */
export function decode(data: Uint8Array): unknown {
  if (data.length === 0) return {}
  try {
    return JSON.parse(textOf(data))
  } catch {
    throw rejection(400, 'The body is not JSON.', [{ pointer: '#', detail: 'is not JSON in UTF-8' }])
  }
}

/** The strict decoder, which costs more, only where the lenient one met something. */
function textOf(data: Uint8Array): string {
  const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString()
  return text.includes('\ufffd') || text.charCodeAt(0) === byteOrderMark ? utf8.decode(data) : text
}

export const causeHeaders = ({ id, function: name, attempt }: Cause): Headers => ({
  ...(id !== undefined && { [causedBy]: headerText(id) }),
  [emittedBy]: name,
  ...(attempt > 1 && { [emittedAt]: String(attempt) }),
})

/** Undefined for what a stranger sent, who need not know these headers. */
export function causeIn({ [causedBy]: id, [emittedBy]: name, [emittedAt]: tries }: Headers): Cause | undefined {
  const attempt = /^[1-9]\d{0,8}$/.test(tries ?? '') ? Number(tries) : 1
  return name ? { ...(id && { id }), function: name, attempt } : undefined
}

/** A header value may hold no line break and the broker takes no more than 64 KiB of them all. */
export const headerText = (text: string, most = 500): string =>
  String(text)
    .replace(/[\r\n]+/g, ' ')
    .slice(0, most)
