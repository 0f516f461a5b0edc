import { readManifest } from '../../runtime/manifest'
import { random } from '../../tests/support/random'
import { type Counted, count } from './count'
import { type Instance, startInstance } from './instance'
import { startLoad } from './load'
import { type Front, startProxy } from './proxy'

export interface RollingOptions {
  natsUrl: string
  rounds: number
  ordersPerSecond: number
  seed: number
  /** How an instance is told to go. */
  signal?: NodeJS.Signals
  manifest?: string
  say?(line: string): void
}

export interface Report extends Counted {
  restarts: number
  orders: number
  requests: number
  failed: string[]
  /** Other ends than `exit 0`. */
  ends: string[]
}

export const services = ['gateway', 'order', 'inventory', 'payment', 'delivery', 'notification', 'audit']
const ofEach = 2

/** Two instances of every service under load; each in turn is followed by a new one. */
export async function rolling(options: RollingOptions): Promise<Report> {
  const {
    natsUrl,
    rounds,
    ordersPerSecond,
    seed,
    signal = 'SIGTERM',
    manifest = 'manifest.json',
    say = () => {},
  } = options
  const proxy = await startProxy()
  const instances: Instance[] = []
  const ends: string[] = []
  const laters: Record<string, number> = {}
  const join = async (service: string) => {
    const instance = await startInstance(service, natsUrl, laters, manifest)
    if (instance.url) await proxy.add(instance.url)
    return instance
  }
  try {
    for (let copy = 0; copy < ofEach; copy++) for (const service of services) instances.push(await join(service))
    const load = await startLoad({ url: proxy.url, perSecond: ordersPerSecond, random: random(seed) })
    let restarts = 0
    for (let round = 1; round <= rounds; round++) {
      for (const [index, old] of instances.entries()) {
        instances[index] = await join(old.service)
        const how = await leave(old, proxy, signal)
        restarts++
        if (how !== 'exit 0') ends.push(`${old.service}: ${how}`)
        say(
          `round ${round}: ${old.service} restarted, ${how}; ${load.orders.size} orders, ${load.failed.length} failed`,
        )
      }
    }
    await load.stop()
    const counted = await count(natsUrl, readManifest(manifest), load.orders, laters)
    return { ...counted, restarts, orders: load.orders.size, requests: load.requests, failed: load.failed, ends }
  } finally {
    await Promise.all(instances.map((one) => one.end('SIGTERM')))
    proxy.stop()
  }
}

async function leave(old: Instance, proxy: Front, signal: NodeJS.Signals): Promise<string> {
  const how = await old.end(signal)
  if (old.url) proxy.remove(old.url)
  return how
}
