import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'nats'
import { fillShelf, load, order, post } from './http_load'
import { start } from './process'

export interface Latency {
  /** Milliseconds. */
  postP99: number
  assignedP99: number
  /** A request and a publish, one at a time, on the same broker. */
  floorP99: number
}

const perSecond = 100

export const percentile = (values: ArrayLike<number>, share: number): number => {
  const sorted = Array.from(values).sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** At a hundred orders a second: how long a POST takes, and from then to the courier. */
export async function latency(natsUrl: string, seconds: number): Promise<Latency> {
  const nc = await connect({ servers: natsUrl, noAsyncTraces: true })
  const app = await start(['runtime'], { NATS_URL: natsUrl, DELIVERY_SIMULATION_MS: '3600000' })
  await fillShelf(app.url)
  const created = new Map<string, number>()
  const assigned: number[] = []
  nc.subscribe('events.order_created', {
    callback: (_, message) => void created.set(message.json<{ order_id: string }>().order_id, performance.now()),
  })
  nc.subscribe('events.delivery_assigned', {
    callback(_, message) {
      const { order_id } = message.json<{ order_id: string }>()
      assigned.push(performance.now() - (created.get(order_id) ?? Number.NaN))
      created.delete(order_id)
    },
  })
  const place = async (count: number, from: number) => {
    const took: Promise<Float64Array>[] = []
    for (let n = 0; n < count; n++) {
      took.push(
        load({
          url: app.url,
          connections: 1,
          count: 1,
          expected: 201,
          request: () => post('/api/v1/orders', order(`u-${from + n}`)),
        }),
      )
      await sleep(1_000 / perSecond)
    }
    return (await Promise.all(took)).flatMap((one) => [...one])
  }
  await place((perSecond * seconds) / 2, 0)
  assigned.length = 0
  const took = await place(perSecond * seconds, 1_000_000)
  await sleep(1_000)
  const floorP99 = await floor(natsUrl)
  await app.end()
  await nc.close()
  return { postP99: percentile(took, 0.99), assignedP99: percentile(assigned, 0.99), floorP99 }
}

/** One request to a callback by hand, then one acked publish, as many times as fit the same pace. */
async function floor(natsUrl: string): Promise<number> {
  const answers = await start(['bench/speed/peers/hand_answer.mjs'], { NATS_URL: natsUrl })
  const nc = await connect({ servers: natsUrl, noAsyncTraces: true })
  const js = nc.jetstream()
  await (await nc.jetstreamManager()).streams.add({ name: 'FLOOR', subjects: ['floor.*'] })
  const took: number[] = []
  for (let n = 0; n < 1_000; n++) {
    const began = performance.now()
    await nc.request('rpc.echo', JSON.stringify({ n }), { timeout: 1_000 })
    await js.publish('floor.event', JSON.stringify({ n }))
    if (n >= 300) took.push(performance.now() - began)
    await sleep(5)
  }
  await nc.close()
  await answers.end()
  return percentile(took, 0.99)
}
