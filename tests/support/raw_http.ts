import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { json } from './http_client'
import type { Answer } from './openapi'

/** Sends the bytes as they are and reads to the end: the first answer, or undefined where the connection was just closed. */
export async function exchange(url: string, bytes: string | Uint8Array): Promise<Answer | undefined> {
  const socket = await dial(url)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(bytes)
  await closed(socket)
  return answerIn(Buffer.concat(chunks).toString())
}

/** A connection to where the gateway listens. */
export async function dial(url: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  // A server that closes on what it did not read resets the connection; that is a close like any other.
  return socket.on('error', () => undefined)
}

export async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

function answerIn(text: string): Answer | undefined {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
  if (!status) return undefined
  const lines = head.split('\r\n').slice(1)
  const headers = new Headers(lines.map((line) => line.split(/: */, 2) as [string, string]))
  const body = rest.join('\r\n\r\n').slice(0, Number(headers.get('content-length') ?? Number.POSITIVE_INFINITY))
  return { status, headers, text: body, body: json(body) }
}
