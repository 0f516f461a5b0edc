import { setTimeout as sleep } from 'node:timers/promises'
import { startBroker } from '../../testing/broker'
import { startCluster } from '../../tests/support/cluster'
import type { Random } from '../../tests/support/random'

/** One server, or a cluster of three, as chaos strikes it. */
export interface Brokers {
  url: string
  ports: number[]
  /** What the functions' processes are told of it. */
  env: Record<string, string>
  /** Kills one server with SIGKILL and starts it again; resolves once all are as they were. */
  strike(random: Random): Promise<void>
  stop(): Promise<void>
}

const longestDownMs = 500
// Longer than an election takes at most, so that some nodes come back to others that have a new leader.
const longestNodeDownMs = 12_000

export async function oneBroker(): Promise<Brokers> {
  const { url, port, kill, start, stop } = await startBroker()
  return {
    url,
    ports: [port],
    env: {},
    async strike(random) {
      await kill('SIGKILL')
      await sleep(random.whole(0, longestDownMs))
      await start()
    },
    stop,
  }
}

/** Never two at once, since what two of three have not told the third is lost with them: the next waits until this one has caught up. */
export async function threeBrokers(): Promise<Brokers> {
  // Clients know the nodes by their bad links alone.
  const { url, nodes, leaderOf, stop } = await startCluster({ advertise: false })
  let healing: Promise<void> = Promise.resolve()
  const strike = async (random: Random) => {
    const node = (random.chance(0.5) && (await leaderOf('EVENTS'))) || random.one(nodes)
    await node.kill('SIGKILL')
    await sleep(random.whole(0, longestNodeDownMs))
    await node.start()
  }
  return {
    url,
    ports: nodes.map(({ port }) => port),
    env: { REPLICAS: '3' },
    strike(random) {
      healing = healing.then(() => strike(random))
      return healing
    },
    stop,
  }
}
