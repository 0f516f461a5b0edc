import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Members } from '../../connect/members'
import type { Address } from '../../connect/settings'
import type { Ending } from '../../observe/observer'
import { turnAway } from '../../observe/turned_away'
import { Context } from '../context'
import { traceparent } from '../envelope'
import { asError, configuration, rejection } from '../errors'
import { inTime } from '../in_time'
import type { LoadedFunction } from '../invoke'
import { Life } from '../life'
import { Run } from '../run'
import type { Answer, HttpRequest, HttpResponse } from '../types'
import type { Broker, Running } from './mode'
import { openSlots } from './slots'

export interface Listening extends Running {
  url: string
}

const largestBody = 1024 * 1024
const mostDropped = 8 * 1024 * 1024
const unfinishedMs = 1_000
const queued = 1_000
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A `fetch`-style handler behind node:http. The handler makes every answer but those to what is not HTTP at all. */
export async function startHttp(fn: LoadedFunction, broker: Broker, { host, port }: Address): Promise<Listening> {
  const { entry } = fn
  const { ports, log, ready, metrics } = broker
  const active = new Members<Given>()
  const slots = openSlots(entry.policy.concurrency, queued)
  const turnedAway = turnAway(fn, ports)
  const own = { ready, metrics, loopback: isLoopback(host) }
  let closing = false
  let onIdle: (() => void) | undefined

  /** Resolves when the handler's part is done: the rest of an answer that streams holds no slot. */
  const answer = async (request: IncomingMessage, response: ServerResponse, given: Given) => {
    const run = new Run(entry, `${request.method} ${request.url}`, header(request, traceparent))
    const context = Object.assign(new Context(run, ports), own)
    const began = performance.now()
    ports.observe.began(run)
    let told = false
    const tell = (ending: Ending, error?: Error) => {
      if (!told) ports.observe.ended(run, ending, performance.now() - began, error)
      told = true
    }
    const fail = (error: unknown) => {
      tell('failed', asError(error))
      // An abandoned handler hears that nobody waits for it.
      given.abort(asError(error))
      if (!request.complete && performance.now() >= run.deadline) return sendProblem(response, 408)
      log.error({ ...run.fields(), err: asError(error), method: request.method, url: request.url }, 'unanswered')
      if (response.headersSent) response.destroy()
      else sendProblem(response, 500)
    }
    try {
      const result = (await inTime(run, () => fn.handler(given, context))) as Answer
      if (run.emitted.length > 0) await Promise.all(run.emitted.map((emission) => ports.send(emission, run.left())))
      if (result.status < 500) tell('returned')
      else tell('failed', new Error(`answered ${result.status}`))
      // A response that streams outlives the time that the handler had to make it.
      run.deadline = Number.POSITIVE_INFINITY
      if (closing || !request.complete) response.setHeader('Connection', 'close')
      const written = write(request, response, result)
      if (streams(result)) written.catch(fail)
      else await written
    } catch (error) {
      fail(error)
    }
  }

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.host === undefined && request.httpVersion === '1.1') return sendProblem(response, 400)
    const given = new Given(request, response, entry.maxBodyBytes ?? largestBody)
    active.add(given)
    if (closing) given.abort(new Error('the process is stopping'))
    response.once('close', () => {
      active.delete(given)
      // Nobody listens any more once the answer is out.
      if (!response.writableFinished) given.abort(new Error('the client has gone'))
      if (active.size === 0) onIdle?.()
    })
    if (slots.run(() => answer(request, response, given))) return
    turnedAway(`${request.method} ${request.url}`)
    response.setHeader('Retry-After', '1')
    sendProblem(response, 503)
  }
  // What node:http answers by itself has no body, so a missing Host and an unmet expectation are left to us.
  const server = createServer({ requireHostHeader: false }, serve).on('checkExpectation', serve)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // What follows a request that is still being answered must not get into its answer.
    const answering = active.all().some(({ response }) => response.socket === socket && response.req.complete)
    if (!socket.writable || answering) return void socket.destroy()
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
    const body = problem(status)
    socket.end(
      `HTTP/1.1 ${status} Error\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  await listen(server, host, port)
  const bound = server.address() as AddressInfo
  const name = host === undefined ? 'localhost' : bound.address.includes(':') ? `[${bound.address}]` : bound.address
  const url = `http://${name}:${bound.port}`
  log.info({ function: entry.name, url }, 'HTTP listens')

  return {
    url,
    async stop() {
      closing = true
      server.close()
      server.closeIdleConnections()
      for (const given of active.all()) given.abort(new Error('the process is stopping'))
      // Who is still sending a body gets a moment, and cannot hold up the stop of everything else.
      const patience = setTimeout(() => {
        for (const { response } of active.all()) if (!response.req.complete) response.req.socket.destroy()
      }, unfinishedMs)
      if (active.size > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve
        })
      }
      clearTimeout(patience)
      server.closeAllConnections()
    },
  }
}

const isLoopback = (host: string | undefined): boolean =>
  host !== undefined && /^(localhost|127(\.\d+){3}|::1)$/.test(host)

function listen(server: Server, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(configuration(`HTTP_ADDR: cannot listen: ${error.message}`)))
    server.listen(port, host, resolve)
  })
}

const header = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name.toLowerCase()]
  return Array.isArray(value) ? value.join(', ') : value
}

/** A class, since an object with a getter of its own gets a shape of its own, which the collector cannot let go of soon. */
class Given extends Life implements HttpRequest {
  readonly method: string
  // The Host is the client's to write, in its header and in an absolute target, so no answer depends on it.
  readonly url: string
  readonly headers: HttpRequest['headers']
  readonly text: HttpRequest['text']
  place: number | undefined

  constructor(
    request: IncomingMessage,
    readonly response: ServerResponse,
    limit: number,
  ) {
    super()
    const target = (request.url ?? '').replace(/^https?:\/\/[^/?#]*/i, '')
    this.method = request.method ?? 'GET'
    this.url = `http://localhost${target.startsWith('/') ? target : `/${target}`}`
    this.headers = { get: (name) => header(request, name) ?? null }
    this.text = () => readText(request, limit)
  }
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

async function write(request: IncomingMessage, response: ServerResponse, result: Answer): Promise<void> {
  if (isPlain(result)) {
    response.writeHead(result.status, { ...result.headers, 'Content-Length': Buffer.byteLength(result.body) })
    return void response.end(request.method === 'HEAD' ? undefined : result.body)
  }
  response.statusCode = result.status
  for (const [name, value] of result.headers) response.setHeader(name, value)
  if (request.method === 'HEAD' || !result.body) return void response.end()
  if (!streams(result)) return void response.end(Buffer.from(await result.arrayBuffer()))
  response.flushHeaders()
  const reader = result.body.getReader()
  response.once('close', () => void reader.cancel().catch(() => undefined))
  for (let next = await reader.read(); !next.done && !response.destroyed; next = await reader.read()) {
    if (response.write(next.value)) continue
    await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  response.end()
}

const isPlain = (answer: Answer): answer is HttpResponse => typeof answer.body === 'string'

const streams = (answer: Answer): boolean =>
  !isPlain(answer) && (answer.headers.get('content-type')?.startsWith('text/event-stream') ?? false)

/** About what is not quite HTTP, or where the handler gave no answer. */
function problem(status: number): string {
  if (status === 500) return JSON.stringify({ type: '/problems/service-fault', title: 'The gateway failed.', status })
  if (status === 503) return JSON.stringify({ type: '/problems/too-busy', title: 'Too busy to take it now.', status })
  const title = status === 408 ? 'The request did not come in time.' : 'The request is not valid HTTP.'
  const errors = status === 400 ? [{ pointer: '#', detail: 'is not valid HTTP' }] : undefined
  return JSON.stringify({ type: '/problems/invalid-request', title, status, errors })
}

function sendProblem(response: ServerResponse, status: number): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'application/problem+json').setHeader('Connection', 'close').end(problem(status))
}
