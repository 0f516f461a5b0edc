import type { IncomingMessage, ServerResponse } from 'node:http'
import { rejection } from '../runtime/errors'
import { Life } from '../runtime/life'
import type { HttpRequest } from '../runtime/types'

const mostDropped = 8 * 1024 * 1024
const utf8 = new TextDecoder('utf-8', { fatal: true })
const life = Symbol('life')

/** Keeps its response to itself, since a handler may log what it is given. */
export class Exchange extends Life {
  place: number | undefined
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    super()
    this.#response = response
  }

  get response(): ServerResponse {
    return this.#response
  }
}

/** Looked for among what came, since all of `headers` is made at the first look at one; what came twice is joined there. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const wanted = name.toLowerCase()
  const { rawHeaders } = request
  let found: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] as string
    if (given.length !== wanted.length || given.toLowerCase() !== wanted) continue
    if (found !== undefined) return [request.headers[wanted]].flat().join(', ')
    found = rawHeaders[at + 1]
  }
  return found
}

/** One getter for all: an object with a getter of its own gets a shape of its own, which the collector cannot let go of soon. */
const signal = {
  enumerable: true,
  configurable: true,
  get(this: { [life]: Life }) {
    return this[life].signal
  },
}

export function toRequest(request: IncomingMessage, of: Life, limit: number): HttpRequest {
  const target = (request.url ?? '').replace(/^https?:\/\/[^/?#]*/i, '')
  const given = {
    method: request.method ?? 'GET',
    // The Host is the client's to write, in its header and in an absolute target, so no answer depends on it.
    url: `http://localhost${target.startsWith('/') ? target : `/${target}`}`,
    headers: { get: (name: string) => header(request, name) ?? null },
    text: () => readText(request, limit),
    [life]: of,
  }
  return Object.defineProperty(given, 'signal', signal) as typeof given & HttpRequest
}

function readText(request: IncomingMessage, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const tooLarge = () => reject(rejection(413, `The body is over ${limit} bytes.`))
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
      // What is over is read and dropped, since a client that still sends would not see the answer; but not for ever.
      else if (size > limit + mostDropped) tooLarge()
    })
    request.once('end', () => {
      if (size > limit) return tooLarge()
      try {
        resolve(utf8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
      } catch {
        reject(rejection(400, 'The body is not UTF-8.', [{ pointer: '#', detail: 'is not UTF-8' }]))
      }
    })
    request.once('close', () => {
      if (!request.readableEnded) reject(rejection(400, 'The body broke off.'))
    })
  })
}
