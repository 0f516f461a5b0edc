import type { Data, Headers } from '../runtime/envelope'
import type { Arrived } from '../runtime/nats/connection'
import { allOf, firstOf, statusOf } from './headers'

/** What the link brings at once. */
export interface Chunk {
  bytes: Buffer
  /** One character for each byte. */
  text: string
  /** Whether each byte is a character of its own in UTF-8, too. */
  isAscii: boolean
}

/** A line that begins a message: `MSG <subject> <subscription> [reply] <bytes>`, or HMSG, with the bytes of its headers before. */
export class Line {
  readonly subject: string
  readonly reply: string | undefined
  readonly sid: number
  readonly size: number
  readonly headerSize: number

  constructor({ bytes, isAscii }: Chunk, from: number, to: number) {
    const hasHeaders = bytes[from] === H
    const start = from + (hasHeaders ? 5 : 4)
    // A text of its own, since who answers keeps where to for a while and must not keep the whole chunk with it.
    const words = bytes.toString(encodingOf(isAscii), start, to).split(' ')
    const sizes = hasHeaders ? 2 : 1
    this.subject = words[0] as string
    this.sid = Number(words[1])
    this.reply = words.length > 2 + sizes ? words[2] : undefined
    this.size = Number(words[words.length - 1])
    this.headerSize = hasHeaders ? Number(words[words.length - 2]) : 0
  }
}

const [H, M] = ['H'.charCodeAt(0), 'M'.charCodeAt(0)]

export const isMessage = (first: number | undefined): boolean => first === M || first === H

// The faster one where both mean the same.
const encodingOf = (isAscii: boolean) => (isAscii ? 'latin1' : 'utf8')

// What is larger stays outside V8's heap, which many that wait their turn would fill.
const mostText = 65_536

/** A class, since one is made for each. Its headers are a text of their own, too: a span keeps its ids for seconds. */
export class Message implements Arrived {
  readonly subject: string
  readonly reply: string | undefined
  readonly data: Data
  readonly #block: string
  #headers: Headers | undefined

  constructor(
    { subject, reply, size, headerSize }: Line,
    { bytes, text, isAscii }: Chunk,
    from: number,
    keeps: boolean,
  ) {
    const body = from + headerSize
    this.subject = subject
    this.reply = reply
    this.#block = headerSize === 0 ? '' : bytes.toString(encodingOf(isAscii), from, body)
    const end = from + size
    if (!isAscii || size > mostText) this.data = bytes.subarray(body, end)
    else this.data = keeps ? bytes.toString('latin1', body, end) : text.slice(body, end)
  }

  headers(): Headers {
    this.#headers ??= firstOf(this.#block)
    return this.#headers
  }

  values(): Record<string, string[]> {
    return allOf(this.#block)
  }

  status(): number {
    return this.#block ? statusOf(this.#block) : 0
  }
}
