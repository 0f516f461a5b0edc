import { type ConsumerInfo, connect, headers as emptyHeaders, type MsgHdrs, type NatsConnection } from 'nats'
import type { Broker } from './broker'
import { atEnd } from './ends'

export interface Heard {
  subject: string
  headers: Record<string, string>
  /** The JSON value; the text where it is none. */
  body: unknown
  /** Position in the stream, where one was read. */
  seq: number
}

/** The outside: a NATS client that knows nothing of the runtime. */
export interface Wire {
  nc: NatsConnection
  /** Plain NATS Core; resolves when the broker has it. */
  send(subject: string, body: unknown, headers?: Record<string, string>): Promise<void>
  /** Resolves with the sequence under which a stream holds it. */
  store(subject: string, body: unknown, headers?: Record<string, string>): Promise<number>
  ask(subject: string, body: unknown, headers?: Record<string, string>, timeoutMs?: number): Promise<Heard>
  /** All that is heard on the subject from now on. */
  hear(subject: string): Promise<Heard[]>
  /** All that a stream holds, or what it holds on one subject. */
  stored(stream: string, subject?: string): Promise<Heard[]>
  durable(stream: string, name: string): Promise<ConsumerInfo>
  stop(): Promise<void>
}

export async function openWire(broker: Pick<Broker, 'url'>): Promise<Wire> {
  const nc = await connect({ servers: broker.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  atEnd(() => nc.close())
  // The client does not notice that a link broke under a request; it tells when the time is over.
  const js = nc.jetstream({ timeout: 1_000 })
  const jsm = await nc.jetstreamManager({ timeout: 1_000 })

  return {
    nc,
    async send(subject, body, headers = {}) {
      nc.publish(subject, bytes(body), { headers: withHeaders(headers) })
      await nc.flush()
    },
    async store(subject, body, headers = {}) {
      return (await js.publish(subject, bytes(body), { headers: withHeaders(headers) })).seq
    },
    async ask(subject, body, headers = {}, timeout = 10_000) {
      return heard(await nc.request(subject, bytes(body), { timeout, headers: withHeaders(headers) }))
    },
    async hear(subject) {
      const all: Heard[] = []
      nc.subscribe(subject, { callback: (_, message) => void all.push(heard(message)) })
      await nc.flush()
      return all
    },
    async stored(stream, subject) {
      const { state } = await jsm.streams.info(stream)
      const all: Heard[] = []
      for (let seq = state.first_seq; seq > 0 && seq <= state.last_seq; seq++) {
        const { subject: on, data, header } = await jsm.streams.getMessage(stream, { seq })
        if (subject === undefined || on === subject) all.push(heard({ subject: on, data, headers: header, seq }))
      }
      return all
    },
    stop: () => nc.close(),
    durable: (stream, name) => jsm.consumers.info(stream, name.replaceAll('/', '__')),
  }
}

const bytes = (body: unknown): Uint8Array => (body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)))

function withHeaders(values: Record<string, string>): MsgHdrs {
  const made = emptyHeaders()
  for (const [name, value] of Object.entries(values)) made.set(name, value)
  return made
}

function heard(message: { subject: string; data: Uint8Array; headers?: MsgHdrs; seq?: number }): Heard {
  const headers: Record<string, string> = {}
  for (const [name, values] of message.headers ?? []) headers[name] = values[0] ?? ''
  const text = Buffer.from(message.data).toString()
  return { subject: message.subject, headers, body: parsed(text), seq: message.seq ?? 0 }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
