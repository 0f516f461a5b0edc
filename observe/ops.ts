import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Address } from '../connect/settings'
import { configuration } from '../runtime/errors'
import type { Metrics } from './metrics'
import type { Watched } from './observing'

interface Ops {
  url: string
  stop(): Promise<void>
}

/** Health, readiness and metrics of a process, gateway or not. */
export async function startOps(
  { host, port }: Address,
  { ready, log, read }: Watched & Pick<Metrics, 'read'>,
): Promise<Ops> {
  const pages: Record<string, (response: ServerResponse, path: string) => Promise<void>> = {
    '/api/v1/health': async (response) => text(response, 'OK'),
    '/ready': async (response, path) => {
      if (await ready()) text(response, 'ready')
      else problem(response, path, 503, 'not-ready', 'NATS is away, or this process is shutting down.')
    },
    '/metrics': async (response) => {
      const { contentType, text: body } = await read()
      text(response, body, contentType)
    },
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] as string
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    if (!page) return problem(response, path, 404, 'not-found', 'There is no such thing.')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return problem(response, path, 405, 'method-not-allowed', 'The path takes other methods; Allow lists them.')
    }
    page(response, path).catch((error) => {
      log.error({ err: error, path }, 'unanswered')
      problem(response, path, 500, 'service-fault', 'The service failed.')
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(configuration(`OPS_ADDR: cannot listen: ${error.message}`)))
    server.listen(port, host, resolve)
  })
  const bound = server.address() as AddressInfo
  const name = host === undefined ? 'localhost' : bound.address.includes(':') ? `[${bound.address}]` : bound.address
  const url = `http://${name}:${bound.port}`
  log.info({ url }, 'ops listens')
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function text(response: ServerResponse, body: string, type = 'text/plain'): void {
  response.setHeader('Content-Type', type).end(body)
}

function problem(response: ServerResponse, instance: string, status: number, kind: string, title: string): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'application/problem+json')
  response.end(`${JSON.stringify({ type: `/problems/${kind}`, title, status, instance })}\n`)
}
