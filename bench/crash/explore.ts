import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type NatsConnection } from 'nats'
import type { Manifest } from '../../runtime/manifest'
import { type Bank, startBank } from '../../tests/support/bank'
import { type Random, random as randomFrom } from '../../tests/support/random'
import { customers, fates, goods, newTally, type Tally } from '../parts/customer'
import type { RuntimeProcess } from '../parts/process'
import { isClean, judge, poisoned, type Verdict } from '../parts/verdict'
import { discover, failpointManifest, type Point, startAll, startRest, startVictim, textOf } from './victim'

export interface Explored {
  points: number
  kills: number
  /** Points whose process was not killed, since the orders did not pass them so often. */
  passed: string[]
  orders: number
  requests: number
  retried: number
  /** The point, and what was wrong after it. */
  failed: { point: string; faults: string[] }[]
}

interface Options {
  natsUrl: string
  seed: number
  /** Only this one, so often. */
  point?: Point
  times?: number
  /** Stops taking further points after so long. */
  limitMs?: number
  say(line: string): void
}

const shelved = { [goods.plenty]: 1_000_000, [goods.few]: 5, [goods.hot]: 200 }
const patienceMs = 45_000
const paymentLimit = 1_000_000
const dieMs = 15_000

/**
 * Kills each function at each of its steps, on both sides, while orders of every fate pass through it; starts it again,
 * waits until all is quiet, and asks broker, books and shelves whether anything was lost or done twice.
 */
export async function explore(options: Options): Promise<Explored> {
  const { seed, point, times = 1, limitMs = Number.POSITIVE_INFINITY, say } = options
  const random = randomFrom(seed)
  const manifest = await failpointManifest()
  const tally = newTally()
  const explored: Explored = { points: 0, kills: 0, passed: [], orders: 0, requests: 0, retried: 0, failed: [] }
  const began = Date.now()
  // Some answers are lost, so that payments are voided and refunded by whoever asks again.
  const bank = await startBank({ limit: paymentLimit, seed, faults: { lost: 0.1, fail: 0.05 } })
  const env = { PAYMENT_URL: bank.url, PAYMENT_TIMEOUT_MS: '1000' }
  const nc = await connect({ servers: options.natsUrl })
  const run = { ...options, env, manifest, tally, random, bank, nc }
  await open(run)
  const points = point ? Array<Point>(times).fill(point) : await findPoints(run)
  let rest: RuntimeProcess | undefined
  let around = ''
  try {
    for (const one of points) {
      if (Date.now() - began > limitMs) break
      if (around !== one.function) {
        await rest?.end('SIGTERM')
        around = one.function
        rest = startRest(one.function, run)
        await rest.running
      }
      const { killed, faults } = await killAt(one, run, rest as RuntimeProcess)
      explored.points++
      if (killed) explored.kills++
      else explored.passed.push(textOf(one))
      if (faults.length > 0) explored.failed.push({ point: textOf(one), faults })
      say(`${faults.length > 0 ? 'FAIL' : killed ? 'ok  ' : 'pass'} ${textOf(one)}`)
      for (const fault of faults.slice(0, 10)) say(`       ${fault}`)
      // What one point broke would be found again after every other.
      if (faults.length > 0) break
    }
  } finally {
    await rest?.end('SIGTERM')
    await bank.stop()
    await nc.close()
  }
  return { ...explored, orders: tally.placed.size, requests: tally.requests, retried: tally.retried }
}

interface Run extends Options {
  manifest: Manifest
  tally: Tally
  random: Random
  bank: Bank
  nc: NatsConnection
}

/** Every step that orders of every fate pass, on both sides; in another order for each seed where time is limited. */
async function findPoints(run: Run): Promise<Point[]> {
  const { manifest, random, limitMs, say } = run
  const steps = await discover(manifest, run, (url) =>
    place(
      run,
      () => url,
      () => true,
    ),
  )
  const points = [...steps].flatMap(([name, found]) =>
    found.flatMap((step) =>
      (['before', 'after'] as const).map((when) => ({
        function: name,
        step,
        when,
        hit: limitMs === undefined ? 1 : random.whole(1, 3),
      })),
    ),
  )
  say(`${steps.size} functions pass ${points.length / 2} steps: ${points.length} points\n`)
  if (limitMs === undefined) return points
  const drawn = points.map((point) => ({ point, place: random.whole(0, 1e9) }))
  return drawn.sort((one, other) => one.place - other.place).map(({ point }) => point)
}

/** Makes what only a first start makes, and fills the shelves. */
async function open(run: Run): Promise<void> {
  const all = startAll(run)
  const url = await all.running
  for (const [sku, on_hand] of Object.entries(shelved)) {
    await customerAt(run, () => url).send('PUT', `/api/v1/inventory/${sku}`, { on_hand })
  }
  await all.end('SIGTERM')
}

const customerAt = ({ tally, random }: Run, url: () => string | undefined, stopped = () => false) =>
  customers({ url, tally, random, patienceMs, stopped })

/** One order of each fate, side by side, and another where that is worth it; more until `enough`. */
async function place(run: Run, url: () => string | undefined, more: () => boolean): Promise<void> {
  const { tally, seed, nc } = run
  const customer = customerAt(run, url)
  for (let round = 0; round === 0 || (more() && round < 3); round++) {
    const first = tally.requests
    tally.poison.push(first)
    await nc.jetstream().publish(poisoned, JSON.stringify({ poison: first }))
    await Promise.all(fates.map((fate, index) => customer.one(`${seed}-${first}-${index}`, fate)))
    await customer.send('PUT', `/api/v1/inventory/${goods.few}`, { on_hand: shelved[goods.few] })
  }
}

async function killAt(point: Point, run: Run, rest: RuntimeProcess) {
  const { natsUrl, manifest, tally, bank } = run
  const before = tally.faults.length
  const isGateway = manifest.functions.some(({ name, mode }) => name === point.function && mode === 'http')
  let victim = startVictim(point.function, run, point)
  let url = await (isGateway ? victim : rest).running.catch(() => undefined)
  let killed = false
  let over = false
  const again = victim.ended.then(async (how) => {
    // One that no point has ended is ended below, and another in its place would take the messages of all later points.
    if (over) return
    killed = how === 'SIGKILL'
    victim = startVictim(point.function, run)
    const started = await victim.running
    if (isGateway) url = started
  })
  await Promise.race([victim.running.catch(() => undefined), again])
  await place(
    run,
    () => url,
    () => !killed,
  )
  // Some steps come only with time, as the saved floor of a durable.
  if (!killed) await Promise.race([again, sleep(dieMs)])
  if (killed) await again
  const verdict = await judge({ natsUrl, httpUrl: url as string, manifest, tally, shelved, patienceMs, bank })
  const faults = [...tally.faults.slice(before), ...(isClean(verdict) ? [] : told(verdict))]
  over = true
  await victim.end('SIGTERM')
  return { killed, faults }
}

const told = (verdict: Verdict): string[] =>
  Object.entries(verdict).flatMap(([kind, found]) => (found as string[]).map((one) => `${kind}: ${one}`))
