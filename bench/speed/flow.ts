import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type JetStreamManager } from 'nats'
import { startBroker } from '../../testing/broker'
import { fillShelf, load, order, post } from './http_load'
import { type Process, start } from './process'
import { cpuOf } from './usage'

export interface Flow {
  ordersPerSecond: number
  /** What the broker stored and acked for one of them, by stream. */
  writes: Record<string, number>
  writesPerOrder: number
  /** Milliseconds of CPU for an order: all functions, and the broker. */
  cpuMs: { functions: number; broker: number }
}

interface Options {
  count: number
  connections: number
  /** Processes that share order, inventory, payment and delivery, beside one for the rest; without, one runs all. */
  workers?: number
}

const shared = 'order,inventory,payment,delivery'

/** A broker and all functions, to which whole orders are brought: 201, reserved, paid, assigned, audited and notified of. */
export interface System {
  /** Milliseconds until so many more are assigned and nothing is pending any more. */
  place(many: number): Promise<number>
  /** What each stream has stored so far. */
  written(): Promise<Record<string, number>>
  /** Bytes of all streams. */
  bytes(): Promise<number>
  functionPids: number[]
  brokerPid: number
  end(): Promise<void>
}

export async function openSystem({ connections, workers = 0 }: Omit<Options, 'count'>): Promise<System> {
  const broker = await startBroker()
  const nc = await connect({ servers: broker.url })
  const jsm = await nc.jetstreamManager()
  // A machine that is busy with something else makes no order fail.
  const env = { NATS_URL: broker.url, RPC_TIMEOUT_MS: '30000' }
  const others: Process[] = []
  if (workers > 0) {
    // The first one makes what all need.
    await (await start(['runtime'], env)).end()
    for (let nth = 0; nth < workers; nth++) others.push(await start(['runtime', '--only', shared], env))
  }
  const app = await start(workers > 0 ? ['runtime', '--except', shared] : ['runtime'], env)
  await fillShelf(app.url)
  const waiting = new Map<string, () => void>()
  const early = new Set<string>()
  nc.subscribe('events.delivery_assigned', {
    callback(_, message) {
      const { order_id } = message.json<{ order_id: string }>()
      const told = waiting.get(order_id)
      waiting.delete(order_id)
      if (told) told()
      else early.add(order_id)
    },
  })
  const assignedTo = (body: string) => {
    const { order_id } = JSON.parse(body) as { order_id: string }
    return early.delete(order_id) ? Promise.resolve() : new Promise<void>((resolve) => waiting.set(order_id, resolve))
  }
  let placed = 0
  return {
    async place(many) {
      const before = await assigned(jsm)
      const began = performance.now()
      const from = placed
      placed += many
      await load({
        url: app.url,
        connections,
        after: assignedTo,
        count: many,
        expected: 201,
        request: (n) => post('/api/v1/orders', order(`u-${from + n}`)),
      })
      await drained(jsm)
      const ms = performance.now() - began
      const made = (await assigned(jsm)) - before
      if (made !== many) throw new Error(`${made} of ${many} orders were assigned`)
      return ms
    },
    written: () => written(jsm),
    bytes: async () => (await streams(jsm)).reduce((sum, { state }) => sum + state.bytes, 0),
    functionPids: [app, ...others].map(({ pid }) => pid),
    brokerPid: broker.pid,
    async end() {
      for (const one of [app, ...others]) await one.end()
      await nc.close()
      await broker.stop()
    },
  }
}

/** What whole orders cost, so many at once. */
export async function flow({ count, ...options }: Options): Promise<Flow> {
  const system = await openSystem(options)
  await system.place(count / 4)
  const cpu = () => system.functionPids.reduce((sum, pid) => sum + cpuOf(pid), 0)
  const before = await system.written()
  const cpuBefore = { functions: cpu(), broker: cpuOf(system.brokerPid) }
  const ms = await system.place(count)
  const cpuMs = {
    functions: ((cpu() - cpuBefore.functions) * 1_000) / count,
    broker: ((cpuOf(system.brokerPid) - cpuBefore.broker) * 1_000) / count,
  }
  const writes = Object.fromEntries(
    Object.entries(await system.written())
      .map(([name, many]) => [name, (many - (before[name] ?? 0)) / count] as const)
      .filter(([, many]) => many > 0),
  )
  await system.end()
  return {
    ordersPerSecond: (count / ms) * 1_000,
    writes,
    writesPerOrder: Object.values(writes).reduce((sum, one) => sum + one, 0),
    cpuMs,
  }
}

const streams = async (jsm: JetStreamManager) => jsm.streams.list().next()

async function written(jsm: JetStreamManager): Promise<Record<string, number>> {
  return Object.fromEntries((await streams(jsm)).map(({ config, state }) => [config.name, state.last_seq]))
}

async function assigned(jsm: JetStreamManager): Promise<number> {
  const info = await jsm.streams.info('EVENTS', { subjects_filter: 'events.delivery_assigned' })
  return info.state.subjects?.['events.delivery_assigned'] ?? 0
}

/** All consumers have handled all. */
export async function drained(jsm: JetStreamManager): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    await sleep(20)
    let left = 0
    for (const name of ['EVENTS', 'JOBS', 'LEDGER_stock']) {
      for (const info of await jsm.consumers.list(name).next()) {
        left += info.num_pending + info.num_ack_pending
      }
    }
    quiet = left === 0 ? quiet + 1 : 0
  }
}
