import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'nats'
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
export const posts = (options: Options): Promise<Figure> =>
  figure('POST /orders to a durable 201', 'orders/s', options, async (url) => {
    return (count) => place(url, { ...options, count })
  })

/** GET of an order's status. */
export const gets = (options: Options): Promise<Figure> =>
  figure('GET status', 'requests/s', options, async (url) => {
    const path = `/api/v1/orders/${await placed(url)}`
    return (count) => load({ url, connections: options.connections, count, expected: 200, request: () => get(path) })
  })

type Ask = (count: number) => Promise<unknown>

/** Each side asked so often, after half as often unmeasured; `begin` makes what is asked for. */
async function figure(
  name: string,
  unit: string,
  { natsUrl, connections, count }: Options,
  begin: (url: string) => Promise<Ask>,
): Promise<Figure> {
  await makeStreams(natsUrl)
  const round = (side: keyof typeof sides) => () =>
    withSide(side, natsUrl, async (url) => {
      const ask = await begin(url)
      await ask(count / 2)
      return rate(count, () => ask(count))
    })
  return {
    name: `${name}, ${connections} connections`,
    unit,
    contenders: Object.keys(sides).map((side) => ({ name: side, round: round(side as keyof typeof sides) })),
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

/**
 * What a whole system makes at its first start, without its durables: nobody follows the events of the peers either, and
 * the broker tells each durable of each event. What follows an order is measured in `flow`.
 */
async function makeStreams(natsUrl: string): Promise<void> {
  const all = await start(['runtime'], { NATS_URL: natsUrl })
  await sleep(500)
  await all.end()
  const nc = await connect({ servers: natsUrl })
  const jsm = await nc.jetstreamManager()
  for (const { name } of await jsm.consumers.list('EVENTS').next()) await jsm.consumers.delete('EVENTS', name)
  await nc.close()
}
