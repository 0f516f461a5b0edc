import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type JetStreamManager } from 'nats'
import { consumerName, isDurable, type Manifest, streamOf } from '../../runtime/manifest'

export interface Counted {
  /** Orders that lack an event of theirs, or have one twice, with which. */
  lost: string[]
  /** Deliveries beyond one for each message and each time that its function put it off, by function. */
  burnt: Record<string, number>
  deadLetters: number
}

const settledMs = 60_000

/** What the broker itself says, once nothing is left to deliver. */
export async function count(
  url: string,
  manifest: Manifest,
  orders: Map<string, string>,
  laters: Record<string, number>,
): Promise<Counted> {
  const nc = await connect({ servers: url })
  try {
    const jsm = await nc.jetstreamManager()
    const burnt: Record<string, number> = {}
    for (const { name, subject = '' } of manifest.functions.filter(isDurable)) {
      const { stream } = streamOf(manifest, subject) as { stream: string }
      const extra = (await burntOf(jsm, stream, consumerName(name), subject)) - (laters[name] ?? 0)
      if (extra > 0) burnt[name] = extra
    }
    const { state } = await jsm.streams.info('DLQ')
    return { lost: await lostOf(jsm, orders), burnt, deadLetters: state.messages }
  } finally {
    await nc.close()
  }
}

async function burntOf(jsm: JetStreamManager, stream: string, consumer: string, subject: string): Promise<number> {
  const deadline = Date.now() + settledMs
  for (;;) {
    const info = await jsm.consumers.info(stream, consumer)
    if (info.num_pending === 0 && info.num_ack_pending === 0) {
      const { state } = await jsm.streams.info(stream, { subjects_filter: subject })
      const messages = Object.values(state.subjects ?? {}).reduce((sum, one) => sum + one, 0)
      return info.delivered.consumer_seq - messages
    }
    if (Date.now() > deadline)
      throw new Error(`${consumer}: ${info.num_pending} pending, ${info.num_ack_pending} unacked`)
    await sleep(100)
  }
}

const always = ['order_created']
const whole = [
  ...always,
  'inventory_reserved',
  'payment_captured',
  'delivery_assigned',
  'delivery_picked_up',
  'inventory_shipped',
  'delivery_completed',
]
/** What undoes what. */
const undone = { inventory_reserved: 'inventory_released', payment_captured: 'payment_refunded' }

async function lostOf(jsm: JetStreamManager, orders: Map<string, string>): Promise<string[]> {
  const events = new Map<string, string[]>()
  const { state } = await jsm.streams.info('EVENTS')
  for (let seq = state.first_seq; seq > 0 && seq <= state.last_seq; seq++) {
    const { subject, data } = await jsm.streams.getMessage('EVENTS', { seq })
    const { order_id } = JSON.parse(Buffer.from(data).toString()) as { order_id?: string }
    if (order_id) events.set(order_id, [...(events.get(order_id) ?? []), subject.slice('events.'.length)])
  }
  const faults: string[] = []
  for (const [order, status] of orders) {
    const found = events.get(order) ?? []
    const wanted = status === 'delivered' ? whole : [...always, 'order_cancel_requested', 'order_cancelled']
    const missing = wanted.filter((type) => !found.includes(type))
    if (status === 'cancelled') {
      for (const [done, undo] of Object.entries(undone)) {
        if (found.includes(done) && !found.includes(undo)) missing.push(undo)
      }
    }
    const twice = found.filter((type, index) => found.indexOf(type) !== index)
    if (missing.length > 0 || twice.length > 0) {
      faults.push(`${order} (${status}): lacks ${missing.join() || 'nothing'}, twice ${twice.join() || 'nothing'}`)
    }
  }
  return faults
}
