import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Manifest, readManifest } from '../../runtime/manifest'
import type { Database } from '../../testing/postgres'
import { type Bank, startBank } from '../../tests/support/bank'
import { type Random, random as randomFrom } from '../../tests/support/random'
import { customers, fates, goods, newTally, type Tally } from '../parts/customer'
import { judge, type Verdict } from '../parts/verdict'
import type { Brokers } from './brokers'
import { databaseFrom } from './database'
import { loopback, openTestHost, type TestHost } from './host'
import { type Disturbed, startBadLinks } from './link'
import { openSlot, type Slot } from './slot'

export interface ChaosOptions {
  brokers: Brokers
  /** Where orders and payments are kept, one more to strike; in JetStream without it. */
  database?: Database
  seed: number
  /** Goes on until there are so many of each. */
  orders: number
  kills: number
  brokerKills: number
  /** Orders that are under way at once. */
  atOnce: number
  /** The pause between two blows. */
  everyMs: number
  /** Each process in a network namespace of its own, so that partitions are real. */
  isolated: boolean
  say(line: string): void
}

export interface ChaosReport {
  verdict: Verdict
  tally: Tally
  kills: Record<'process' | 'broker' | 'database' | 'graceful' | 'partitions', number>
  disturbed: Disturbed
}

/** Two of those that contend with each other. */
const services = [
  'gateway',
  'gateway',
  'order',
  'order',
  'inventory',
  'inventory',
  'payment',
  'payment',
  'delivery',
  'notification',
  'audit',
  'audit',
]
const shelved = { [goods.plenty]: 5_000_000, [goods.few]: 5, [goods.hot]: 400 }
const patienceMs = 240_000
const paymentLimit = 1_000_000
/** The share of the calls that the bank does without an answer, answers without doing, or does late. */
const bankFaults = { lost: 0.03, silent: 0.02, late: 0.01, hang: 0.01, fail: 0.03, stumble: 0.02, garbled: 0.01 }
const tellMs = 10_000

/** Orders of every fate on links that repeat and delay, while processes, the broker and links are struck at random. */
export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const { brokers, database, seed, say } = options
  const random = randomFrom(seed)
  const { path, remove } = await impatientManifest()
  const disturbed: Disturbed = { duplicated: 0, delayed: 0 }
  const tally = newTally()
  const kills = { process: 0, broker: 0, database: 0, graceful: 0, partitions: 0 }
  const hosts: TestHost[] = []
  let bank: Bank | undefined
  const slots: Slot[] = []
  try {
    for (const index of services.keys()) hosts.push(options.isolated ? await openTestHost(index + 1) : loopback)
    const hostOf = (index: number) => hosts[index] as TestHost
    const addresses = new Set(services.flatMap((one, index) => (one === 'payment' ? [hostOf(index).here] : [])))
    bank = await startBank({ addresses: [...addresses], limit: paymentLimit, seed, faults: bankFaults })
    for (const [index, service] of services.entries()) {
      const host = hostOf(index)
      const { here } = host
      const env = {
        PAYMENT_URL: `http://${here}:${bank.port}`,
        PAYMENT_TIMEOUT_MS: '1000',
        ...brokers.env,
        ...(database && { DATABASE_URL: await databaseFrom(here, database) }),
      }
      const link = await startBadLinks(brokers.ports, { here, random, duplicates: 0.02, delays: 0.02, disturbed })
      slots.push(await openSlot(service, { link, host, manifest: path, env }))
    }
    const url = () => random.one(slots.filter((one) => one.url !== '')).url
    const customer = customers({ url, tally, random, patienceMs, stopped: () => false })
    for (const [sku, on_hand] of Object.entries(shelved))
      await customer.send('PUT', `/api/v1/inventory/${sku}`, { on_hand })

    const began = Date.now()
    const struck = () => kills.process + kills.broker
    const enough = () =>
      tally.placed.size >= options.orders && struck() >= options.kills && kills.broker >= options.brokerKills
    const telling = setInterval(() => {
      const seconds = Math.round((Date.now() - began) / 1_000)
      say(`${seconds} s: ${tally.placed.size} orders, ${JSON.stringify(kills)}, ${tally.faults.length} faults`)
    }, tellMs)
    const striking = strike(options, { slots, kills, random, enough })
    let count = 0
    const places = Array.from({ length: options.atOnce }, async () => {
      while (!enough()) {
        const number = count++
        await customer.one(`${seed}-${number}`, random.one(fates))
        // What is reached early is not placed beyond need.
        if (tally.placed.size >= options.orders) await sleep(1_000)
      }
    })
    await Promise.all([...places, striking])
    clearInterval(telling)
    say(`calm after ${Math.round((Date.now() - began) / 1_000)} s; waiting until all is quiet`)
    const httpUrl = url()
    const manifest = readManifest(path)
    const verdict = await judge({ natsUrl: brokers.url, httpUrl, manifest, tally, shelved, patienceMs, bank })
    return { verdict, tally, kills, disturbed }
  } finally {
    await Promise.all(slots.map((one) => one.end()))
    for (const { link } of slots) link.stop()
    await bank?.stop()
    await Promise.all(hosts.map((one) => one.remove()))
    await remove()
  }
}

interface Blows {
  slots: Slot[]
  kills: ChaosReport['kills']
  random: Random
  enough(): boolean
}

/** One blow after another, each at what is up; resolves when all that was struck runs again. */
async function strike(
  { brokers, database, everyMs }: ChaosOptions,
  { slots, kills, random, enough }: Blows,
): Promise<void> {
  const recovering = new Set<Promise<void>>()
  const note = (work: Promise<void>) => {
    recovering.add(work)
    work.finally(() => recovering.delete(work))
  }
  while (!enough()) {
    await sleep(random.whole(everyMs / 2, everyMs * 1.5))
    const up = slots.filter(({ busy }) => !busy)
    if (up.length === 0) continue
    const target = random.one(up)
    const blow = random.whole(0, 99)
    if (blow < 12) {
      kills.broker++
      const struck = brokers.strike(random)
      // Of three the others go on, and the blows with them.
      if (brokers.ports.length > 1) note(struck)
      else await struck
    } else if (database && blow >= 90) {
      kills.database++
      await database.kill('SIGKILL')
      await sleep(random.whole(0, 5_000))
      await database.start()
    } else if (blow < 20) {
      kills.partitions++
      note(target.partition(random.whole(500, 15_000)))
    } else if (blow < 28) {
      kills.graceful++
      note(target.restart('SIGTERM', 0))
    } else {
      kills.process++
      note(target.restart('SIGKILL', random.whole(0, 2_000)))
    }
  }
  await Promise.all(recovering)
}

/** The project's manifest, but what a killed process had in hand comes again after three seconds in place of thirty. */
async function impatientManifest() {
  const folder = await mkdtemp(join(tmpdir(), 'chaos-'))
  const manifest = JSON.parse(await readFile('manifest.json', 'utf8')) as Manifest
  for (const { policy } of manifest.functions) policy.ackWaitMs = 3_000
  await symlink(resolve('dist'), join(folder, 'dist'))
  const path = join(folder, 'manifest.json')
  await writeFile(path, JSON.stringify(manifest))
  return { path, remove: () => rm(folder, { recursive: true, force: true }) }
}
