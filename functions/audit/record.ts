import type { Config, Handler } from '../_contracts'
import { type History, type Recorded, record } from './_history'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'audit',
  stores: ['history'],
  ordered: true,
  batch: 100,
} satisfies Config

/** Audit's own record of the JetStream history, in stream order; the events of one order in a batch are one write. */
export default (async (_, { messages, store, log }) => {
  const histories = store<History>('history')
  const byOrder = new Map<string, Recorded[]>()
  for (const { subject, body, raw, seq, id, cause } of messages) {
    if (subject === 'events.inventory_adjusted') continue
    const { order_id, occurred_at: at } = body
    if (seq === undefined) {
      log.warn({ order: order_id }, 'not recorded: without a stream an event has no sequence')
      continue
    }
    const event = { seq, type: subject.slice('events.'.length), order_id, at, data: raw, id, cause }
    byOrder.set(order_id, [...(byOrder.get(order_id) ?? []), event])
  }
  await Promise.all(
    [...byOrder].map(([order, events]) => histories.update(order, (known) => events.reduce(record, known))),
  )
}) satisfies Handler<typeof config>
