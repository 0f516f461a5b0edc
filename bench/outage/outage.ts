import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { readManifest } from '../../runtime/manifest'
import type { Broker } from '../../testing/broker'
import type { Database } from '../../testing/postgres'
import { startBank } from '../../tests/support/bank'
import { random as randomFrom } from '../../tests/support/random'
import { customers, fates, goods, newTally, type Tally } from '../parts/customer'
import { type RuntimeProcess, startRuntime } from '../parts/process'
import { judge, type Verdict } from '../parts/verdict'

interface OutageOptions {
  broker: Broker
  database: Database
  seed: number
  /** For so long PostgreSQL is away, killed, under load. */
  seconds: number
  /** For so long before it and after it. */
  aroundSeconds: number
  /** Orders that are under way at once. */
  atOnce: number
  say(line: string): void
}

export interface OutageReport {
  verdict: Verdict
  tally: Tally
  /** Orders that were answered 201 before, during and after. */
  placed: { before: number; during: number; after: number }
  /** What the rows say otherwise than the API does. */
  rows: string[]
  /** From the start of the server to the first order that is placed again. */
  backMs: number
}

const services = ['gateway,inventory,delivery,notification,audit', 'order,payment', 'order,payment']
const shelved = { [goods.plenty]: 5_000_000, [goods.few]: 5, [goods.hot]: 400 }
const paymentLimit = 1_000_000
const tellMs = 30_000

/** Orders of every fate while PostgreSQL is killed, stays away and is started again. */
export async function outage(options: OutageOptions): Promise<OutageReport> {
  const { broker, database, seed, seconds, aroundSeconds, atOnce, say } = options
  const random = randomFrom(seed)
  const tally = newTally()
  const patienceMs = (seconds + 120) * 1_000
  const bank = await startBank({ limit: paymentLimit, seed })
  const processes: RuntimeProcess[] = []
  const telling = setInterval(
    () => say(`${tally.placed.size} orders placed, ${tally.retried} requests sent again`),
    tellMs,
  )
  try {
    const env = {
      NATS_URL: broker.url,
      DATABASE_URL: database.url,
      PAYMENT_URL: `http://127.0.0.1:${bank.port}`,
      PAYMENT_TIMEOUT_MS: '1000',
    }
    for (const service of services) processes.push(startRuntime({ args: ['--only', service], env }))
    const [url = ''] = await Promise.all(processes.map(({ running }) => running))
    let stopped = false
    const customer = customers({ url: () => url, tally, random, patienceMs, stopped: () => false })
    for (const [sku, on_hand] of Object.entries(shelved)) {
      await customer.send('PUT', `/api/v1/inventory/${sku}`, { on_hand })
    }
    let count = 0
    const places = Array.from({ length: atOnce }, async () => {
      while (!stopped) await customer.one(`${seed}-${count++}`, random.one(fates))
    })
    await sleep(aroundSeconds * 1_000)
    await database.kill('SIGKILL')
    const before = tally.placed.size
    say(`killed after ${before} orders`)
    await sleep(seconds * 1_000)
    const during = tally.placed.size - before
    const began = performance.now()
    await database.start()
    while (tally.placed.size === before + during) await sleep(20)
    const backMs = Math.round(performance.now() - began)
    say(`started again; the next order was placed ${backMs} ms later`)
    await sleep(aroundSeconds * 1_000)
    stopped = true
    await Promise.all(places)
    const manifest = readManifest('manifest.json')
    const verdict = await judge({ natsUrl: broker.url, httpUrl: url, manifest, tally, shelved, patienceMs, bank })
    const rows = await otherwise(database, tally)
    return { verdict, tally, placed: { before, during, after: tally.placed.size - before - during }, rows, backMs }
  } finally {
    clearInterval(telling)
    await Promise.all(processes.map((one) => one.end('SIGTERM')))
    await bank.stop()
  }
}

/** Every order that was answered 201 is one row with the status that its customer saw, and so is what was paid for it. */
async function otherwise({ url }: Database, { placed }: Tally): Promise<string[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const found: string[] = []
  try {
    const orders = await sql`select order_id, status, amount from orders`
    const status = new Map(orders.map((row) => [row.order_id, row.status]))
    if (orders.length !== placed.size) found.push(`${orders.length} rows of ${placed.size} orders`)
    for (const { order_id, status: seen } of placed.values()) {
      if (status.get(order_id) !== seen) found.push(`${order_id} is ${status.get(order_id)} in its row, and ${seen}`)
    }
    const unpaid = await sql`
      select order_id, p.status from orders o left join payments p using (order_id)
      where o.status = 'delivered' and (p.status is distinct from 'captured' or p.amount <> o.amount)
      or o.status = 'cancelled' and p.status = 'captured'`
    for (const row of unpaid) found.push(`${row.order_id}: its payment is ${row.status}`)
  } finally {
    await sql.end()
  }
  return found
}
