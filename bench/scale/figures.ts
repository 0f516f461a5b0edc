import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type JetStreamManager, type NatsConnection } from 'nats'
import type { Cluster } from '../../tests/support/cluster'
import { drained } from '../speed/flow'
import { fillShelf, load, order, post } from '../speed/http_load'
import { openLink } from '../speed/link'
import { type Process, start } from '../speed/process'
import { spending } from './cpu'

/** One line: so many processes of a function, on so many replicas. */
export interface Scaled {
  figure: string
  replicas: number
  processes: number
  perSecond: number
  /** Microseconds of CPU for one operation, by what spent them; of the nodes all three together. */
  cpu: Record<string, number>
}

export interface Place {
  cluster: Cluster
  nc: NatsConnection
  jsm: JetStreamManager
  env: Record<string, string>
  replicas: number
}

type Figure = (place: Place, counts: number[]) => Promise<Scaled[]>

const system = ['runtime', '--manifest', 'bench/speed/system/manifest.json', '--only']
const pidsOf = (processes: Process[]) => processes.map(({ pid }) => pid)
const inFlight = 512
const publishes = 40_000
const requests = 40_000
const backlog = 20_000
// For each process, since what one does in its first second is compiled while it runs.
const orders = 1_000
const wholes = 500
const waits = 1_600

export async function openPlace(cluster: Cluster, replicas: number): Promise<Place> {
  const nc = await connect({ servers: cluster.url.split(','), noAsyncTraces: true })
  // On few cores so many processes wait for each other longer than anybody would for an order.
  const env = { NATS_URL: cluster.url, REPLICAS: String(replicas), RPC_TIMEOUT_MS: '20000' }
  return { cluster, nc, jsm: await nc.jetstreamManager(), env, replicas }
}

/** So many of a kind, each a process. */
const crew = (count: number, args: string[], env: Record<string, string>) =>
  Promise.all(Array.from({ length: count }, () => start(args, env)))

const endAll = (processes: Process[]) => Promise.all(processes.map((one) => one.end()))

/** Calls `one` for each number, so many at once. */
async function each(count: number, one: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const run = async () => {
    while (next < count) await one(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, run))
}

/** What one stream takes at most: acked publishes as large as an event, from one process. */
const write: Figure = async ({ cluster, jsm, replicas }) => {
  await jsm.streams.add({ name: 'RAW', subjects: ['raw'], num_replicas: replicas, duplicate_window: 120e9 })
  const { js, close } = await openLink(cluster.url)
  const body = JSON.stringify({ n: 0, text: 'x'.repeat(400) })
  const publish = (from: number, count: number) => each(count, (n) => js.publish('raw', body, { id: `${from + n}` }))
  await publish(0, publishes / 2)
  const { seconds, cpu } = await spending({ functions: [process.pid], nodes: pids(cluster) }, () =>
    publish(publishes, publishes),
  )
  await close()
  await jsm.streams.delete('RAW')
  return [scaled('acked write', replicas, 1, publishes, seconds, cpu)]
}

const rpc: Figure = async ({ cluster, nc, env, replicas }, counts) => {
  const lines: Scaled[] = []
  for (const count of counts) {
    const answering = await crew(count, [...system, 'echo/answer'], env)
    const driving = await crew(2, [...system, 'echo/drive'], env)
    const drive = async (many: number) => {
      const one = async () => {
        const body = JSON.stringify({ count: many / 2, inFlight: inFlight / 2 })
        const answer = await nc.request('rpc.drive', body, { timeout: 60_000 })
        if (!answer.json<{ ms?: number }>().ms) throw new Error(answer.string())
      }
      await Promise.all([one(), one()])
    }
    await drive(requests / 2)
    const groups = { functions: pidsOf(answering), callers: pidsOf(driving), nodes: pids(cluster) }
    const { seconds, cpu } = await spending(groups, () => drive(requests))
    lines.push(scaled('rpc', replicas, count, requests, seconds, cpu))
    await endAll([...answering, ...driving])
  }
  return lines
}

/** Handlers that wait for somebody outside, sixteen at once in a process. */
const waiting: Figure = async ({ cluster, nc, env, replicas }, counts) => {
  const lines: Scaled[] = []
  for (const count of counts) {
    const answering = await crew(count, [...system, 'echo/wait'], env)
    const body = JSON.stringify({ n: 0, text: 'charge this' })
    const ask = (many: number) => each(many, () => nc.request('rpc.wait', body, { timeout: 60_000 }))
    await ask(inFlight)
    const groups = { functions: pidsOf(answering), nodes: pids(cluster) }
    const { seconds, cpu } = await spending(groups, () => ask(waits * count))
    lines.push(scaled('rpc that waits 50 ms', replicas, count, waits * count, seconds, cpu))
    await endAll(answering)
  }
  return lines
}

const stream: Figure = async ({ cluster, jsm, env, replicas }, counts) => {
  const lines: Scaled[] = []
  const only = [...system, 'task/handle']
  let from = 0
  for (const count of counts) {
    await endAll(await crew(1, only, env))
    for (const name of ['WORK', 'DONE']) await jsm.streams.purge(name)
    const { js, close } = await openLink(cluster.url)
    await each(backlog, (n) =>
      js.publish('work.item', JSON.stringify({ n: from + n, text: 'as much as there is to say' }), {}),
    )
    await close()
    from += backlog
    const done = async () => (await jsm.streams.info('DONE')).state.messages
    const workers = await crew(count, only, env)
    const first = await done()
    if (first > backlog / 2) throw new Error(`${first} of ${backlog} were done before all ran`)
    const { seconds, cpu } = await spending({ functions: pidsOf(workers), nodes: pids(cluster) }, async () => {
      while ((await done()) < backlog) await sleep(20)
    })
    lines.push(scaled('stream handler with an emit', replicas, count, backlog - first, seconds, cpu))
    await endAll(workers)
  }
  return lines
}

const postOrders: Figure = async ({ cluster, env, replicas }, counts) => {
  const lines: Scaled[] = []
  // The first one makes what all need, and fills the shelf.
  const first = await start(['runtime'], env)
  await fillShelf(first.url)
  await first.end()
  let from = 0
  for (const count of counts) {
    const gateways = await crew(1, ['runtime', '--only', 'gateway'], env)
    const workers = await crew(count, ['runtime', '--only', 'order'], env)
    const place = async (many: number) => {
      const url = (gateways[0] as Process).url
      const base = from
      from += many
      await load({
        url,
        connections: 64,
        count: many,
        expected: 201,
        request: (n) => post('/api/v1/orders', order(`u-${base + n}`)),
      })
    }
    await place((orders / 2) * count)
    const groups = { functions: pidsOf(workers), gateway: pidsOf(gateways), nodes: pids(cluster) }
    const { seconds, cpu } = await spending(groups, () => place(orders * count))
    lines.push(scaled('POST /orders', replicas, count, orders * count, seconds, cpu))
    await endAll([...gateways, ...workers])
  }
  return lines
}

/** Whole orders up to the courier, with all that follows from them; processes of the chain beside one for the rest. */
const wholeOrders: Figure = async ({ cluster, jsm, env, replicas }, counts) => {
  const lines: Scaled[] = []
  const chain = 'order,inventory,payment,delivery'
  // Nobody picks up while this is measured.
  const still = { ...env, DELIVERY_SIMULATION_MS: '3600000' }
  const first = await start(['runtime'], still)
  await fillShelf(first.url)
  await first.end()
  let from = 0
  for (const count of counts) {
    const workers = await crew(count, ['runtime', '--only', chain], still)
    const rest = await start(['runtime', '--except', `${chain},audit`], still)
    // Its record is in stream order, so that it is one process that works, however many there are.
    const audit = await start(['runtime', '--only', 'audit'], still)
    const place = async (many: number) => {
      const base = from
      from += many
      const request = (n: number) => post('/api/v1/orders', order(`u-${base + n}`))
      await load({ url: rest.url, connections: 32, count: many, expected: 201, request })
      await drained(jsm)
    }
    await place((wholes / 2) * count)
    const groups = { functions: pidsOf([...workers, rest]), audit: [audit.pid], nodes: pids(cluster) }
    const { seconds, cpu } = await spending(groups, () => place(wholes * count))
    lines.push(scaled('whole orders', replicas, count, wholes * count, seconds, cpu))
    await endAll([...workers, rest, audit])
  }
  return lines
}

const pids = ({ nodes }: Cluster) => nodes.map(({ pid }) => pid)

function scaled(
  figure: string,
  replicas: number,
  processes: number,
  count: number,
  seconds: number,
  cpu: Record<string, number>,
): Scaled {
  const each = Object.fromEntries(Object.entries(cpu).map(([name, micros]) => [name, micros / count]))
  return { figure, replicas, processes, perSecond: count / seconds, cpu: each }
}

export const figures = { write, rpc, wait: waiting, stream, post: postOrders, orders: wholeOrders } satisfies Record<
  string,
  Figure
>
