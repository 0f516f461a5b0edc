import { Readable } from 'node:stream'
import { type Answer, checkAnswer } from './openapi'
import type { Json } from './references'

export interface Call {
  headers?: Record<string, string>
  /** Sent as JSON; text and bytes go as they are, a stream in chunks without its length. */
  body?: unknown
}

/** Asks a gateway; every answer is held against docs/openapi.yaml before it is returned. */
export type Send = (method: string, path: string, call?: Call) => Promise<Answer>

export const httpClient =
  (url: string): Send =>
  async (method, path, { headers, body } = {}) => {
    const response = await fetch(`${url}${path}`, { method, headers, body: bytes(body), duplex: 'half' })
    const text = await response.text()
    const answer = { status: response.status, headers: response.headers, text, body: json(text) }
    checkAnswer(method, path, answer)
    return answer
  }

const bytes = (body: unknown) =>
  typeof body === 'string' || body instanceof Uint8Array || body instanceof Readable ? body : JSON.stringify(body)

/** The value that the text is as JSON; the text where it is none. */
export function json(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const problemType = ({ body }: Answer): string => (body as { type: string }).type

/** The pointers of a 400, sorted. */
export const pointers = ({ body }: Answer): string[] =>
  (body as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer).toSorted()
