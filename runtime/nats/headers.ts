import type { Msg } from 'nats'
import type { Headers, SentHeaders } from '../envelope'

interface Read {
  /** The first value of each. */
  first: Headers
  all(): Record<string, string[]>
}

const version = 'NATS/1.0'
const status = /^NATS\/1\.0 (\d{3})/
const name = /^[!-9;-~]+$/
const lineBreak = /[\r\n]/
const none: Read = { first: {}, all: () => ({}) }

/** The bytes behind the client's message, where its version has them: its own parser costs several times as much. */
type Raw = { _rdata?: Uint8Array; _msg?: { hdr: number } }

const textOf = (message: Msg): string => {
  const { _rdata: bytes, _msg: frame } = message as unknown as Raw
  return bytes && frame && frame.hdr > 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, frame.hdr).toString() : ''
}

export function readHeaders(message: Msg): Read {
  const text = textOf(message)
  return text ? parseHeaders(text) : none
}

/** What follows the version on the first line: of the server itself, as 503; 0 where there is nothing. */
export const statusOf = (message: Msg): number => Number(status.exec(textOf(message))?.[1] ?? 0)

/** Throws where a name holds what none may, as the client's own does. */
export function parseHeaders(text: string): Read {
  const lines = text.split('\r\n')
  const pairs: [string, string][] = []
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] as string
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const key = line.slice(0, colon)
    if (!name.test(key)) throw new Error(`not the name of a header: ${JSON.stringify(key.slice(0, 100))}`)
    pairs.push([key, line.slice(colon + 1).trim()])
  }
  const first: Headers = {}
  for (const [key, value] of pairs) first[key] ??= value
  return {
    first,
    all() {
      const found: Record<string, string[]> = {}
      for (const [key, value] of pairs) found[key] = [...(found[key] ?? []), value]
      return found
    },
  }
}

export function encodeHeaders(headers: SentHeaders): Buffer {
  let text = version
  for (const key in headers) {
    const values = headers[key] as string | string[]
    if (!name.test(key)) throw new Error(`not the name of a header: ${JSON.stringify(key.slice(0, 100))}`)
    for (const value of Array.isArray(values) ? values : [values]) {
      if (lineBreak.test(value)) throw new Error(`the header ${key} holds a line break`)
      text += `\r\n${key}: ${value.trim()}`
    }
  }
  return Buffer.from(`${text}\r\n\r\n`)
}
