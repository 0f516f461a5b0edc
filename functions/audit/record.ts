import type { Config, Handler } from '../_contracts'
import { type History, record } from './_history'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'audit',
  stores: ['history'],
  ordered: true,
} satisfies Config

/** Audit's own record of the JetStream history, one message at a time in stream order. */
export default (async (_, { message, raw, seq, store, log }) => {
  if (message.subject === 'events.inventory_adjusted') return
  const { order_id, occurred_at: at } = message.body
  if (seq === undefined) return log.warn({ order: order_id }, 'not recorded: without a stream an event has no sequence')
  const event = { seq, type: message.subject.slice('events.'.length), order_id, at, data: raw }
  await store<History>('history').update(order_id, (known) => record(known, event))
}) satisfies Handler<typeof config>
