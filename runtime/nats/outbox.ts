import type { MsgHdrs, NatsConnection } from 'nats'
import type { SentHeaders } from '../envelope'
import { encodeHeaders } from './headers'

interface Letter {
  subject: string
  data: Uint8Array | undefined
  options: { reply: string | undefined; headers: MsgHdrs | undefined }
}

interface Outbox {
  /**
   * Goes out with all that the same turn of the event loop sends, since each write to the socket costs as much as a
   * message. Throws at what the server would not take.
   */
  put(subject: string, data?: Uint8Array, options?: { reply?: string; headers?: SentHeaders }): void
  send(): void
  drop(): void
}

export function openOutbox(nc: NatsConnection): Outbox {
  let letters: Letter[] = []

  const send = () => {
    const sent = letters
    letters = []
    // As lost as what is sent while the link is down: a handler may outlive the connection by its last words.
    if (nc.isClosed()) return
    for (const { subject, data, options } of sent) nc.publish(subject, data, options)
  }

  return {
    put(subject, data, { reply, headers } = {}) {
      if (subject === '') throw new Error('a message without a subject')
      const encoded = headers && encodeHeaders(headers)
      const bytes = (data?.length ?? 0) + (encoded?.length ?? 0)
      const most = nc.info?.max_payload ?? Number.POSITIVE_INFINITY
      if (bytes > most)
        throw Object.assign(new Error(`${subject}: over ${most} bytes`), { code: 'MAX_PAYLOAD_EXCEEDED' })
      letters.push({ subject, data, options: { reply, headers: encoded && asHeaders(encoded) } })
      if (letters.length === 1) setImmediate(send)
    },
    send,
    drop() {
      letters = []
    },
  }
}

/** The client asks headers for their bytes, and nothing else of them. */
const asHeaders = (bytes: Uint8Array) => ({ encode: () => bytes }) as unknown as MsgHdrs
