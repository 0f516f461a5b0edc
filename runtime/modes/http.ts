import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as TcpServer } from 'node:net'
import { Exchange, header, toRequest } from '../../connect/exchange'
import { Members } from '../../connect/members'
import type { Address } from '../../connect/settings'
import type { Ending } from '../../observe/observer'
import { turnAway } from '../../observe/turned_away'
import { Context } from '../context'
import { traceparent } from '../envelope'
import { asError, configuration } from '../errors'
import { inTime } from '../in_time'
import type { LoadedFunction } from '../invoke'
import { Run } from '../run'
import type { Answer, HttpResponse } from '../types'
import type { Broker, Running } from './mode'
import { openSlots } from './slots'

export interface Listening extends Running {
  url: string
}

const largestBody = 1024 * 1024
const unfinishedMs = 1_000
const queued = 1_000

/** A `fetch`-style handler behind node:http. The handler makes every answer but those to what is not HTTP at all. */
export async function startHttp(fn: LoadedFunction, broker: Broker, { host, port }: Address): Promise<Listening> {
  const { entry } = fn
  const { ports, log, ready, metrics } = broker
  const active = new Members<Exchange>()
  const slots = openSlots(entry.policy.concurrency, queued)
  const turnedAway = turnAway(fn, ports)
  const own = { ready, metrics, loopback: isLoopback(host) }
  let closing = false
  let onIdle: (() => void) | undefined

  /** Resolves when the handler's part is done: the rest of an answer that streams holds no slot. */
  const answer = async (request: IncomingMessage, response: ServerResponse, exchange: Exchange) => {
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
      exchange.abort(asError(error))
      if (!request.complete && performance.now() >= run.deadline) return sendProblem(response, 408)
      log.error({ ...run.fields(), err: asError(error), method: request.method, url: request.url }, 'unanswered')
      if (response.headersSent) return void response.destroy()
      // What the answer said that could not be written is no part of this one.
      for (const name of response.getHeaderNames()) response.removeHeader(name)
      sendProblem(response, 500)
    }
    try {
      const given = toRequest(request, exchange, entry.maxBodyBytes ?? largestBody)
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
    if (request.httpVersion === '1.1' && header(request, 'host') === undefined) return sendProblem(response, 400)
    const exchange = new Exchange(response)
    active.add(exchange)
    if (closing) exchange.abort(new Error('the process is stopping'))
    response.on('close', () => {
      active.delete(exchange)
      // Nobody listens any more once the answer is out.
      if (!response.writableFinished) exchange.abort(new Error('the client has gone'))
      if (active.size === 0) onIdle?.()
    })
    if (slots.run(() => answer(request, response, exchange))) return
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
      // Below `server.close()`, to which a connection is idle whose answer is still on its way.
      TcpServer.prototype.close.call(server)
      for (const exchange of active.all()) exchange.abort(new Error('the process is stopping'))
      // Who is still sending a body, or reading an answer, gets a moment, and cannot hold up the stop of everything else.
      const patience = setTimeout(() => {
        for (const { response } of active.all()) {
          if (!response.req.complete || response.writableEnded) response.req.socket.destroy()
        }
      }, unfinishedMs)
      if (active.size > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve
        })
      }
      clearTimeout(patience)
      // For what it ends beside the connections: its look for those that are late.
      server.close()
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

async function write(request: IncomingMessage, response: ServerResponse, result: Answer): Promise<void> {
  response.statusCode = result.status
  if (isPlain(result)) {
    for (const name in result.headers) response.setHeader(name, result.headers[name] as string)
    return end(request, response, result.body)
  }
  for (const [name, value] of result.headers) response.setHeader(name, value)
  if (request.method === 'HEAD' || !result.body) return void response.end()
  if (!streams(result)) return end(request, response, Buffer.from(await result.arrayBuffer()))
  response.flushHeaders()
  const reader = result.body.getReader()
  response.once('close', () => void reader.cancel().catch(() => undefined))
  for (let next = await reader.read(); !next.done && !response.destroyed; next = await reader.read()) {
    if (response.write(next.value)) continue
    await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  response.end()
}

/** With its length, which node:http tells neither to HEAD nor to HTTP/1.0. */
function end(request: IncomingMessage, response: ServerResponse, body: string | Buffer): void {
  const hasLength = ![204, 304].includes(response.statusCode)
  if (hasLength && !response.hasHeader('Transfer-Encoding') && !response.hasHeader('Trailer')) {
    response.setHeader('Content-Length', Buffer.byteLength(body))
  }
  if (!hasLength || request.method === 'HEAD') return void response.end()
  // Ended a tick later, since what `end` is given goes out in two pieces, which costs more than one.
  response.write(body)
  process.nextTick(() => response.end())
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
  const body = problem(status)
  response.statusCode = status
  response.setHeader('Content-Type', 'application/problem+json').setHeader('Content-Length', Buffer.byteLength(body))
  response.setHeader('Connection', 'close').end(body)
}
