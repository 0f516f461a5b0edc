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
    let end = lastSpace(bytes, start, to)
    this.size = whole(bytes, end + 1, to)
    this.headerSize = 0
    if (hasHeaders) {
      const after = end
      end = lastSpace(bytes, start, after)
      this.headerSize = Math.min(whole(bytes, end + 1, after), this.size)
    }
    // A text of its own, since who answers keeps where to for a while and must not keep the whole chunk with it.
    const words = own(bytes, isAscii, Math.min(start, end), end)
    const subjectEnd = words.indexOf(' ')
    const sidEnd = words.indexOf(' ', subjectEnd + 1)
    this.subject = words.slice(0, subjectEnd)
    this.sid = Number(words.slice(subjectEnd + 1, sidEnd < 0 ? undefined : sidEnd))
    this.reply = sidEnd < 0 ? undefined : words.slice(sidEnd + 1)
  }
}

function lastSpace(bytes: Buffer, from: number, before: number): number {
  let at = before - 1
  while (at > from && bytes[at] !== space) at--
  return at
}

function whole(bytes: Buffer, from: number, to: number): number {
  let number = 0
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - zero
    if (digit < 0 || digit > 9) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

const [H, M, space, zero] = ['H', 'M', ' ', '0'].map((one) => one.charCodeAt(0)) as [number, number, number, number]

export const isMessage = (first: number | undefined): boolean => first === M || first === H

const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Record<
  'latin1Slice' | 'utf8Slice',
  (this: Buffer, from: number, to: number) => string
>

/** By the faster one where both mean the same, past `toString`, which costs as much again. */
const own = (bytes: Buffer, isAscii: boolean, from: number, to: number): string =>
  isAscii ? latin1Slice.call(bytes, from, to) : utf8Slice.call(bytes, from, to)

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
    this.#block = headerSize === 0 ? '' : own(bytes, isAscii, from, body)
    const end = from + size
    if (!isAscii || size > mostText) this.data = bytes.subarray(body, end)
    else this.data = keeps ? own(bytes, isAscii, body, end) : text.slice(body, end)
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
