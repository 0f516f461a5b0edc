import type { Msg } from 'nats'
import type { Headers, SentHeaders } from '../envelope'

interface Read {
  /** 0, or the status of a message of the server itself. */
  status: number
  /** The first value of each. */
  first: Headers
  all(): Record<string, string[]>
}

const version = 'NATS/1.0'
const name = /^[!-9;-~]+$/
const lineBreak = /[\r\n]/
const none: Read = { status: 0, first: {}, all: () => ({}) }

/** The bytes behind the client's message, where its version has them: its own parser costs several times as much. */
type Raw = { _rdata?: Uint8Array; _msg?: { hdr: number } }

/** Throws where a name holds what none may, as the client's own does. */
export function readHeaders(message: Msg): Read {
  const { _rdata: bytes, _msg: frame } = message as unknown as Raw
  if (!bytes || !frame || frame.hdr <= 0) return none
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, frame.hdr).toString().split('\r\n')
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
    status: Number.parseInt((lines[0] as string).slice(version.length), 10) || 0,
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
