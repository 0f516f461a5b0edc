import type { Arrived, Connection } from '../runtime/nats/connection'
import type { Member } from './members'

export const words = { ack: '+ACK', working: '+WPI', term: '+TERM' }

/** A message of a durable. A class, since one is made for each. */
export class Delivered implements Member {
  /** 1 on the first delivery. */
  readonly attempt: number
  readonly seq: number
  /** When the stream stored it, in milliseconds since 1970. */
  readonly storedAt: number
  place: number | undefined
  readonly #connection: Connection
  readonly #acked: (subject: string) => void

  constructor(
    readonly arrived: Arrived,
    connection: Connection,
    acked: (subject: string) => void,
  ) {
    const { attempt, seq, storedAt } = ackFields(arrived.reply ?? '')
    this.attempt = attempt
    this.seq = seq
    this.storedAt = storedAt
    this.#connection = connection
    this.#acked = acked
  }

  ack(): void {
    this.#acked(this.arrived.reply ?? '')
    this.#answer(words.ack)
  }

  /** Tells the broker that the handler is still at it. */
  working(): void {
    this.#answer(words.working)
  }

  /** Never deliver it again. */
  term(): void {
    this.#answer(words.term)
  }

  nak(delayMs = 0): void {
    this.#answer(delayMs > 0 ? `-NAK {"delay":${Math.round(delayMs * 1e6)}}` : '-NAK')
  }

  #answer(word: string): void {
    this.#connection.publish(this.arrived.reply ?? '', word)
  }
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<nanoseconds>.<pending>`, or the longer form with a domain. */
function ackFields(subject: string): { attempt: number; seq: number; storedAt: number } {
  const tokens = subject.split('.')
  const at = tokens.length >= 11 ? 6 : 4
  return {
    attempt: Number(tokens[at]),
    seq: Number(tokens[at + 1]),
    storedAt: Number((tokens[at + 3] ?? '').slice(0, -6)),
  }
}
