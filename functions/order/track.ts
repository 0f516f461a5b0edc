import type { Config, Handler } from '../_contracts'
import { now } from '../_fields'
import { indexOrders } from './_index'
import {
  apply,
  type CreatedOrder,
  cancelByPerson,
  cancelBySystem,
  cancelledEvent,
  type Order,
  unseen,
} from './_machine'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'order',
  emits: ['events.order_cancelled'],
  stores: ['orders', 'orders_of'],
  // A message that keeps failing is given up within some five minutes: order/create waits for this function no longer.
  maxDeliver: 12,
  batch: 250,
  // The events of one order come close together: one write for all of them.
  gatherMs: 50,
  concurrency: 8,
} satisfies Config

type Messages = Parameters<Handler<typeof config>>[1]['messages']
type Message = Messages[number]
type OrderMessage = Exclude<Message, { subject: 'events.inventory_adjusted' }>

/** Follows every event of an order, and cancels the order where a step cannot be done or a person asked for it. */
export default (async (_, { messages, store, emit, log, replaying }) => {
  const at = now()
  const orders = store<Order>('orders')
  const followed = await Promise.all([...byOrder(messages)].map(([id, events]) => follow(id, events)))
  // A database has an index of its own.
  if (!orders.newest) await indexOrders(store('orders_of'), followed.filter(isCreatedOrder))

  /** The order, where it was created just now. */
  async function follow(id: string, events: OrderMessage[]): Promise<Order | undefined> {
    let cause: OrderMessage | undefined
    const order = await orders.update(id, (known) => {
      cause = undefined
      let order = known
      for (const event of events) {
        const before = order
        // In a replay the decision follows as an event of its own.
        order = replaying ? apply(order, event) : decide(order, event, at)
        if (order?.cancelled && !before?.cancelled) cause = event
      }
      return order
    })
    const created = events.find(isCreated)
    if (created && order?.created?.request_hash !== created.body.request_hash) {
      log.warn({ order: id }, 'dropped: an order_created with another request')
    }
    // Told again at a repeat, since the first time may have ended before the event was out.
    const told = cause && causes.has(cause.subject) ? cause : events.find(({ subject }) => causes.has(subject))
    const cancelled = order && told && cancelledEvent(order)
    if (cancelled) emit('events.order_cancelled', cancelled, told)
    return created && order
  }
}) satisfies Handler<typeof config>

const isCreatedOrder = (order: Order | undefined): order is CreatedOrder => order?.created !== undefined
const isCreated = (event: OrderMessage) => event.subject === 'events.order_created'

/** In the order of the stream. */
function byOrder(messages: Messages): Map<string, OrderMessage[]> {
  const found = new Map<string, OrderMessage[]>()
  for (const message of messages) {
    if (message.subject === 'events.inventory_adjusted') continue
    const { order_id } = message.body
    found.set(order_id, [...(found.get(order_id) ?? []), message])
  }
  return found
}

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
