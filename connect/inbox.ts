import { isAscii } from 'node:buffer'
import type { NatsConnection, Subscription } from 'nats'
import { isMessage, Line, Message } from './message'

type Take = (message: Message) => void
/** Who gets the messages of a subscription, and whether they are kept. */
type Taker = { take: Take; keeps: boolean }

interface Inbox {
  /**
   * Hands on what arrives for the subscription, in the order of the link; `take` must not throw. What it `keeps` for a while
   * is a text of its own, since a piece would keep the whole chunk.
   */
  open(subscription: Subscription, take: Take, keeps?: boolean): void
}

type Parser = { state: number; parse(chunk: Uint8Array): void }

/** The client's own way in, which walks each byte and makes six objects of each message. */
type Below = { protocol: { parser: Parser } }

// What the client's parser calls itself between two lines.
const betweenLines = 0
const lineEnd = '\r\n'

/**
 * Reads the messages of our subscriptions from what the link brings: a chunk becomes one text, and a message pieces of it.
 * All else that the server says is the client's to read.
 */
export function openInbox(nc: NatsConnection): Inbox {
  const { protocol } = nc as unknown as Below
  const takers = new Map<number, Taker>()
  let client = protocol.parser
  let held: Buffer[] = []
  let heldBytes = 0
  /** How many there have to be before there is more to read in them. */
  let needed = 0

  const parse = (chunk: Buffer) => {
    if (client.state !== betweenLines) return finish(chunk)
    if (heldBytes === 0) return read(chunk)
    hold(chunk)
    if (heldBytes >= needed) read(released())
  }

  /** The line that the client had begun when we came, which can be no message of ours. */
  const finish = (chunk: Buffer) => {
    const end = chunk.indexOf('\n') + 1
    client.parse(end > 0 ? chunk.subarray(0, end) : chunk)
    if (end > 0 && end < chunk.length) parse(chunk.subarray(end))
  }

  const hold = (chunk: Buffer) => {
    held.push(chunk)
    heldBytes += chunk.length
  }

  const released = (): Buffer => {
    const all = Buffer.concat(held)
    held = []
    heldBytes = 0
    return all
  }

  const read = (bytes: Buffer) => {
    const chunk = { bytes, text: bytes.toString('latin1'), isAscii: isAscii(bytes) }
    const reading = client
    let at = 0
    needed = 0
    while (at < bytes.length && needed === 0) {
      const end = chunk.text.indexOf(lineEnd, at) + lineEnd.length
      if (end < lineEnd.length) needed = bytes.length - at + 1
      else if (isMessage(bytes[at])) {
        const line = new Line(chunk, at, end - lineEnd.length)
        const next = end + line.size + lineEnd.length
        const taker = takers.get(line.sid)
        if (next > bytes.length) needed = next - at
        else if (taker) taker.take(new Message(line, chunk, end, taker.keeps))
        else reading.parse(bytes.subarray(at, next))
        if (needed === 0) at = next
      } else {
        reading.parse(bytes.subarray(at, end))
        at = end
      }
      // The client has begun with another link.
      if (reading !== client) return
    }
    if (needed > 0) hold(bytes.subarray(at))
  }

  const own = { parse }
  Object.defineProperty(protocol, 'parser', {
    get: () => own,
    // Each link begins with a parser of its own.
    set(next: Parser) {
      client = next
      released()
    },
  })

  return {
    open(subscription, take, keeps = false) {
      const sid = subscription.getID()
      takers.set(sid, { take, keeps })
      subscription.closed.then(() => takers.delete(sid))
    },
  }
}
