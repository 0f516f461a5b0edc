import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { apply, cancelByPerson, cancelBySystem, cancelledEvent, type Order, unseen } from './_machine'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'order',
  emits: ['events.order_cancelled'],
  stores: ['orders'],
  // A message that keeps failing is given up within some five minutes: order/create waits for this function no longer.
  maxDeliver: 12,
} satisfies Config

type Message = Parameters<Handler<typeof config>>[1]['message']
type OrderMessage = Exclude<Message, { subject: 'events.inventory_adjusted' }>

/** Follows every event of an order, and cancels the order where a step cannot be done or a person asked for it. */
export default (async (_, { message, store, emit, log, replaying }) => {
  if (message.subject === 'events.inventory_adjusted') return
  const at = now()
  const order = await store<Order>('orders').update(message.body.order_id, (known) =>
    // In a replay the decision follows as an event of its own.
    replaying ? apply(known, message) : decide(known, message, at),
  )
  if (message.subject === 'events.order_created' && order?.created?.request_hash !== message.body.request_hash) {
    log.warn({ order: message.body.order_id }, 'dropped: an order_created with another request')
  }
  // Told again at a repeat, since the first time may have ended before the event was out.
  const cancelled = order && causes.has(message.subject) && cancelledEvent(order)
  if (cancelled) emit('events.order_cancelled', cancelled)
}) satisfies Handler<typeof config>

const causes = new Set<string>([
  'events.order_cancel_requested',
  'events.inventory_rejected',
  'events.payment_declined',
  'events.delivery_failed',
])

function decide(known: Order | undefined, message: OrderMessage, at: string): Order | undefined {
  const { subject, body } = message
  const order = apply(known, message)
  switch (subject) {
    case 'events.order_cancel_requested':
      return cancelByPerson(order ?? unseen(body), body, at)
    case 'events.inventory_rejected':
    case 'events.payment_declined':
      return cancelBySystem(order ?? unseen(body), body.reason, false, at)
    case 'events.delivery_failed':
      return cancelBySystem(order ?? unseen(body), body.reason, body.picked_up, at)
    default:
      return order
  }
}
