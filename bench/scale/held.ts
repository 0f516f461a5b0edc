import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../../tests/support/cluster'
import { drained } from '../speed/flow'
import { fillShelf, load, order, post } from '../speed/http_load'
import { openLink } from '../speed/link'
import { start } from '../speed/process'
import { memoryOf } from '../speed/usage'
import type { Place } from './figures'

/** What one thing more costs each node, in bytes, as the mean of the three. */
export interface Held {
  what: string
  memory: number
  disk: number
  detail: string
}

// The servers let go of what they cached after some seconds, and of what is garbage at their next collection.
const settleMs = 20_000
const inFlight = 512

interface Nodes {
  memory: number
  disk: number
}

async function holdings({ nodes }: Cluster): Promise<Nodes> {
  await sleep(settleMs)
  const disks = await Promise.all(nodes.map(({ folder }) => sizeOf(folder)))
  return {
    memory: nodes.reduce((sum, { pid }) => sum + memoryOf(pid), 0) / nodes.length,
    disk: disks.reduce((sum, one) => sum + one, 0) / nodes.length,
  }
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += await sizeOf(path)
    else bytes += (await stat(path).catch(() => ({ size: 0 }))).size
  }
  return bytes
}

/** Each of `count` costs this, after half as many unmeasured, in which caches fill and the heap grows to its size. */
async function costOf(
  place: Place,
  what: string,
  count: number,
  make: (from: number, many: number) => Promise<void>,
): Promise<Held> {
  await make(0, count / 2)
  const before = await holdings(place.cluster)
  await make(count / 2, count)
  const after = await holdings(place.cluster)
  return {
    what,
    memory: (after.memory - before.memory) / count,
    disk: (after.disk - before.disk) / count,
    detail: `${count} of them; a node held ${mib(before.memory)} before and ${mib(after.memory)} after`,
  }
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`

/** Written to a stream of its own, each message with a subject or an id of its own, or neither. */
export async function heldOfMessages(place: Place, kind: 'message' | 'id' | 'subject'): Promise<Held> {
  const { jsm, cluster, replicas } = place
  await jsm.streams.add({
    name: 'HELD',
    subjects: ['held.>'],
    num_replicas: replicas,
    duplicate_window: 600e9,
    max_msgs_per_subject: kind === 'subject' ? 1 : -1,
  })
  const { js, close } = await openLink(cluster.url)
  const body = 'x'.repeat(100)
  const held = await costOf(place, `a ${kind}`, 300_000, async (from, many) => {
    let next = 0
    const one = async () => {
      while (next < many) {
        const n = from + next++
        const name = `2HCZ0Y4942HCZ5RS25WF${n}`
        await js.publish(
          kind === 'subject' ? `held.${name}` : 'held.all',
          body,
          kind === 'id' ? { id: `created:${name}` } : {},
        )
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
  })
  await close()
  return held
}

/** Whole orders, up to the courier; with what each adds to the streams. */
export async function heldOfOrders(place: Place, count: number): Promise<Held & { streams: Record<string, Grown> }> {
  const { jsm, env } = place
  const app = await start(['runtime'], { ...env, DELIVERY_SIMULATION_MS: '3600000' })
  await fillShelf(app.url)
  const grown = async () => {
    const found = (await jsm.streams.list().next()).map(async ({ config, state }) => {
      const { num_subjects = 0 } = state as { num_subjects?: number }
      return [
        config.name,
        { messages: state.messages, bytes: state.bytes, subjects: num_subjects, writes: state.last_seq },
      ] as const
    })
    return Object.fromEntries(await Promise.all(found))
  }
  let before: Record<string, Grown> = {}
  const held = await costOf(place, 'an order', count, async (from, many) => {
    before = await grown()
    const request = (n: number) => post('/api/v1/orders', order(`u-${from + n}`))
    await load({ url: app.url, connections: 32, count: many, expected: 201, request })
    await drained(jsm)
  })
  const after = await grown()
  const streams = Object.fromEntries(
    Object.entries(after).map(([name, now]) => [name, perOrder(now, before[name], count)]),
  )
  await app.end()
  return { ...held, streams }
}

export interface Grown {
  messages: number
  bytes: number
  subjects: number
  writes: number
}

function perOrder(now: Grown, before: Grown | undefined, count: number): Grown {
  const fields = Object.keys(now) as (keyof Grown)[]
  return Object.fromEntries(
    fields.map((field) => [field, (now[field] - (before?.[field] ?? 0)) / count]),
  ) as unknown as Grown
}
