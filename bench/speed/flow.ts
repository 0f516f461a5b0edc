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

/** Whole orders: 201, reserved, paid, assigned, audited and notified of; until nothing is pending any more. */
export async function flow({ count, connections, workers = 0 }: Options): Promise<Flow> {
  const broker = await startBroker()
  const nc = await connect({ servers: broker.url })
  const jsm = await nc.jetstreamManager()
  // Nobody picks up while this is measured.
  const env = { NATS_URL: broker.url, DELIVERY_SIMULATION_MS: '3600000' }
  const others: Process[] = []
  if (workers > 0) {
    // The first one makes what all need.
    await (await start(['runtime'], env)).end()
    for (let nth = 0; nth < workers; nth++) others.push(await start(['runtime', '--only', shared], env))
  }
  const app = await start(workers > 0 ? ['runtime', '--except', shared] : ['runtime'], env)
  const cpu = () => [app, ...others].reduce((sum, { pid }) => sum + cpuOf(pid), 0)
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
  const place = (from: number, many: number) =>
    load({
      url: app.url,
      connections,
      after: assignedTo,
      count: many,
      expected: 201,
      request: (n) => post('/api/v1/orders', order(`u-${from + n}`)),
    })
  await place(0, 1_000)
  await drained(jsm)
  const before = await written(jsm)
  const cpuBefore = { app: cpu(), broker: cpuOf(broker.pid) }
  const assignedBefore = await assigned(jsm)
  const began = performance.now()
  await place(1_000, count)
  await drained(jsm)
  const ms = performance.now() - began
  const after = await written(jsm)
  const made = (await assigned(jsm)) - assignedBefore
  if (made !== count) throw new Error(`${made} of ${count} orders were assigned`)
  const writes = Object.fromEntries(
    Object.entries(after)
      .map(([name, many]) => [name, (many - (before[name] ?? 0)) / count] as const)
      .filter(([, many]) => many > 0),
  )
  const cpuMs = {
    functions: ((cpu() - cpuBefore.app) * 1_000) / count,
    broker: ((cpuOf(broker.pid) - cpuBefore.broker) * 1_000) / count,
  }
  for (const one of [app, ...others]) await one.end()
  await nc.close()
  await broker.stop()
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

/** All consumers have handled all, but for what is put off until the courier comes. */
async function drained(jsm: JetStreamManager): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    await sleep(20)
    let left = 0
    for (const name of ['EVENTS', 'JOBS', 'LEDGER_stock']) {
      for (const info of await jsm.consumers.list(name).next()) {
        left += info.num_pending + (info.name.startsWith('delivery__simulate') ? 0 : info.num_ack_pending)
      }
    }
    quiet = left === 0 ? quiet + 1 : 0
  }
}
