import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Front {
  url: string
  /** Resolves once it sends there. */
  add(backend: string): Promise<void>
  remove(backend: string): void
  stop(): void
}

const lookMs = 50

/** Spreads requests over the back ends whose `/ready` is 200; what fails is not tried again, so that it is seen. */
export async function startProxy(): Promise<Front> {
  const agent = new Agent({ keepAlive: true })
  const ready = new Map<string, boolean>()
  const waiting: (() => void)[] = []
  let turn = 0

  const look = async () => {
    await Promise.all(
      [...ready.keys()].map(async (backend) => {
        const answer = await fetch(`${backend}/ready`).catch(() => undefined)
        await answer?.arrayBuffer().catch(() => undefined)
        if (ready.has(backend)) ready.set(backend, answer?.status === 200)
      }),
    )
    for (const resolve of waiting.splice(0)) resolve()
  }
  const looking = setInterval(look, lookMs)

  const server = createServer((incoming, outgoing) => {
    const backends = [...ready].filter(([, is]) => is).map(([backend]) => backend)
    const backend = backends[turn++ % backends.length]
    if (!backend) return void outgoing.writeHead(502).end('no back end is ready')
    const { hostname, port } = new URL(backend)
    const { method, url: path, headers } = incoming
    const passed = request({ agent, hostname, port, method, path, headers }, (answer) => {
      const { connection: _, 'keep-alive': __, ...rest } = answer.headers
      outgoing.writeHead(answer.statusCode ?? 502, rest)
      answer.pipe(outgoing)
    })
    passed.once('error', (error) => {
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end(`${backend}: ${error.message}`)
    })
    incoming.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async add(backend) {
      ready.set(backend, false)
      while (!ready.get(backend)) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    remove: (backend) => void ready.delete(backend),
    stop() {
      clearInterval(looking)
      agent.destroy()
      server.close()
      server.closeAllConnections()
    },
  }
}
