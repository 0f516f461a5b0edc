import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from './figure'
import { get, load, order, post } from './http_load'
import { type Process, start } from './process'

const peers = 'bench/speed/peers'
/** Gateway and order, each a process; the same durable work behind all: an event and a record, acked before the 201. */
const sides = {
  runtime: [
    ['runtime', '--only', 'gateway/http'],
    ['runtime', '--only', 'order/create,order/status'],
  ],
  'by hand': [[`${peers}/hand_gateway.mjs`], [`${peers}/hand_order.mjs`]],
  NestJS: [[`${peers}/nest_gateway.mjs`], [`${peers}/nest_order.mjs`]],
}

interface Options {
  natsUrl: string
  connections: number
  count: number
}

async function withSide<T>(name: keyof typeof sides, natsUrl: string, work: (url: string) => Promise<T>): Promise<T> {
  const [gateway = [], service = []] = sides[name]
  const processes: Process[] = []
  try {
    const env = { NATS_URL: natsUrl }
    processes.push(await start(service, env))
    const front = await start(gateway, env)
    processes.unshift(front)
    return await work(front.url)
  } finally {
    for (const one of processes) await one.end()
  }
}

const place = (url: string, { connections, count }: Options) =>
  load({ url, connections, count, expected: 201, request: (n) => post('/api/v1/orders', order(`u-${n}`)) })

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (count / (performance.now() - began)) * 1_000
}

/** POST /orders to a durable 201. */
export async function posts(options: Options): Promise<Figure> {
  await makeStreams(options.natsUrl)
  const round = (name: keyof typeof sides) => () =>
    withSide(name, options.natsUrl, async (url) => {
      await place(url, { ...options, count: options.count / 2 })
      return rate(options.count, () => place(url, options))
    })
  return {
    name: `POST /orders to a durable 201, ${options.connections} connections`,
    unit: 'orders/s',
    contenders: Object.keys(sides).map((name) => ({ name, round: round(name as keyof typeof sides) })),
    toReach: { 'by hand': 1.3, NestJS: 2 },
    end: async () => undefined,
  }
}

/** GET of an order's status. */
export async function gets(options: Options): Promise<Figure> {
  await makeStreams(options.natsUrl)
  const round = (name: keyof typeof sides) => () =>
    withSide(name, options.natsUrl, async (url) => {
      const id = await placed(url)
      const ask = (count: number) =>
        load({
          url,
          connections: options.connections,
          count,
          expected: 200,
          request: () => get(`/api/v1/orders/${id}`),
        })
      await ask(options.count / 2)
      return rate(options.count, () => ask(options.count))
    })
  return {
    name: `GET status, ${options.connections} connections`,
    unit: 'requests/s',
    contenders: Object.keys(sides).map((name) => ({ name, round: round(name as keyof typeof sides) })),
    toReach: { 'by hand': 1.3, NestJS: 2 },
    end: async () => undefined,
  }
}

async function placed(url: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/orders`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: order('u-1'),
  })
  return ((await answer.json()) as { order_id: string }).order_id
}

/** What a whole system makes at its first start, the durables included: then nobody else runs. */
async function makeStreams(natsUrl: string): Promise<void> {
  const all = await start(['runtime'], { NATS_URL: natsUrl })
  await sleep(500)
  await all.end()
}
