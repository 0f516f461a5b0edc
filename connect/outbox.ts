import type { Socket } from 'node:net'
import type { NatsConnection } from 'nats'
import type { Data, SentHeaders } from '../runtime/envelope'
import { encodeHeaders } from './headers'

interface Outbox {
  /**
   * Goes out with all that the same turn of the event loop sends, as one text and one write to the socket: each of both
   * costs as much as a message. Throws at what the server would not take.
   */
  put(subject: string, data?: Data, options?: { reply?: string; headers?: SentHeaders }): void
  send(): void
  drop(): void
}

/** The client's own way out, below its `publish`, which makes four buffers of each message. */
type Below = {
  protocol: {
    connected: boolean
    transport: { socket?: Socket }
    sendCommand(...parts: Uint8Array[]): void
    flushPending(): void
  }
}

// So that who gets it begins while the rest is still made: all at once, one process of a chain would run at a time.
const most = 5_000

const notASubject = /^$|[ \t\r\n]/

export function openOutbox(nc: NatsConnection): Outbox {
  const { protocol } = nc as unknown as Below
  let parts: Uint8Array[] = []
  let text = ''
  let scheduled = false

  const send = () => {
    scheduled = false
    const [sent, last] = [parts, text]
    drop()
    // As lost as what is sent while the link is down: a handler may outlive the connection by its last words.
    if ((sent.length === 0 && last === '') || nc.isClosed()) return
    // What the client has to say was said before.
    protocol.flushPending()
    const { socket } = protocol.transport
    if (sent.length === 0 && protocol.connected && socket) {
      // Plain text is written as it is, in the common case without a copy.
      socket.write(last, Buffer.byteLength(last) === last.length ? 'latin1' : 'utf8')
      return
    }
    protocol.sendCommand(...sent, Buffer.from(last))
    protocol.flushPending()
  }

  const drop = () => {
    parts = []
    text = ''
  }

  return {
    put(subject, data = '', { reply, headers } = {}) {
      if (notASubject.test(subject)) throw new Error(`not a subject: ${JSON.stringify(subject)}`)
      const block = headers ? encodeHeaders(headers) : ''
      const blockBytes = block && Buffer.byteLength(block)
      const bytes = Number(blockBytes) + Buffer.byteLength(data)
      const largest = nc.info?.max_payload ?? Number.POSITIVE_INFINITY
      if (bytes > largest)
        throw Object.assign(new Error(`${subject}: over ${largest} bytes`), { code: 'MAX_PAYLOAD_EXCEEDED' })
      const to = reply ? `${subject} ${reply}` : subject
      text += block ? `HPUB ${to} ${blockBytes} ${bytes}\r\n${block}` : `PUB ${to} ${bytes}\r\n`
      if (typeof data === 'string') text += `${data}\r\n`
      else {
        parts.push(Buffer.from(text), data)
        text = '\r\n'
      }
      if (text.length >= most) return send()
      if (!scheduled) setImmediate(send)
      scheduled = true
    },
    send,
    drop,
  }
}
