import type { Reserved } from '../inventory/_contract'
import type { OrderCancelled, OrderCreated, OrderStatus, Status } from './_contract'
import { stepOf } from './_table'

/** What order knows of one order. `dispatched` is set when a courier has been let go with it: no cancel from then on. */
export interface Order {
  order_id: string
  user_id: string
  status: Status
  updated_at: string
  /** What it costs, once its goods are reserved. */
  amount?: number
  currency?: string
  created?: Pick<OrderCreated, 'items' | 'address' | 'payment_method' | 'request_hash' | 'occurred_at'>
  dispatched?: true
  cancelled?: Pick<OrderCancelled, 'reason' | 'by' | 'dispatched'>
}

export type CreatedOrder = Order & { created: NonNullable<Order['created']> }

/** An event as far as order looks at it. */
export interface OrderEvent {
  subject: string
  body: { order_id: string; user_id: string; occurred_at: string }
}

const isFinal = ({ status }: Pick<Order, 'status'>): boolean => status === 'delivered' || status === 'cancelled'

/**
 * The order after an event, by the table. Late, repeated and overtaken events give the same order as the stream's own
 * sequence does, and a final status stays; what changes nothing returns what is known.
 */
export function apply(known: Order | undefined, { subject, body }: OrderEvent): Order | undefined {
  const step = stepOf(subject, known?.status ?? 'unseen')
  if (!step || (subject === 'events.order_created' && known?.created)) return known
  if (!known && step === 'stays') return undefined
  const order = withFacts(known ?? unseen(body), subject, body)
  if (step === 'stays') return order
  const status = step === 'noted' ? order.status : step
  return isFinal({ status }) ? ended(order, status, body.occurred_at) : advanced(order, status, body.occurred_at)
}

/** An order whose `order_created` was overtaken by another of its events. */
export const unseen = ({ order_id, user_id }: OrderEvent['body']): Order => ({
  order_id,
  user_id,
  status: 'created',
  updated_at: '',
})

/** The time of the latest event applied never goes back. */
function advanced(order: Order, status: Status, at: string): Order {
  const updated_at = at > order.updated_at ? at : order.updated_at
  return status === order.status && updated_at === order.updated_at
    ? order
    : Object.assign({}, order, { status, updated_at })
}

/** A final order keeps no mark of dispatch: it means nothing any more, and no event may tell of it. */
function ended({ dispatched: _, ...order }: Order, status: Status, at: string): Order {
  return { ...order, status, updated_at: at }
}

function withFacts(order: Order, subject: string, body: OrderEvent['body']): Order {
  if (subject === 'events.order_created') {
    const { items, address, payment_method, request_hash, occurred_at } = body as OrderCreated
    return Object.assign({}, order, { created: { items, address, payment_method, request_hash, occurred_at } })
  }
  if (subject === 'events.inventory_reserved' && order.amount === undefined) {
    const { amount, currency } = body as Reserved
    return Object.assign({}, order, { amount, currency })
  }
  if (subject === 'events.delivery_picked_up' && !order.dispatched && !isFinal(order)) {
    return { ...order, dispatched: true }
  }
  if (subject === 'events.order_cancelled' && !isFinal(order)) {
    const { reason, by, dispatched } = body as OrderCancelled
    return { ...order, cancelled: { reason, by, dispatched } }
  }
  return order
}

/** Lets a courier go with the goods, unless the order is cancelled: then it stays so. */
export const dispatch = (order: Order): Order =>
  isFinal(order) || order.dispatched ? order : { ...order, dispatched: true }

/** A person's cancel, up to the courier's pick-up. */
export function cancelByPerson(order: Order, wish: { reason?: string; by: OrderCancelled['by'] }, at: string): Order {
  const { reason = 'cancelled', by } = wish
  return isFinal(order) || order.dispatched ? order : cancelled(order, { reason, by, dispatched: false }, at)
}

/** The order's own cancel, when a step that it needs cannot be done. */
export function cancelBySystem(order: Order, reason: string, dispatched: boolean, at: string): Order {
  return isFinal(order) ? order : cancelled(order, { reason, by: 'system', dispatched }, at)
}

const cancelled = (order: Order, facts: NonNullable<Order['cancelled']>, at: string): Order => ({
  ...ended(order, 'cancelled', at),
  cancelled: facts,
})

/** The event that tells of a cancelled order, the same at every repeat. */
export function cancelledEvent({ order_id, user_id, updated_at, cancelled }: Order): OrderCancelled | undefined {
  if (!cancelled) return undefined
  // Field by field: a database gives those of a record back in an order of its own.
  const { reason, by, dispatched } = cancelled
  return { order_id, user_id, occurred_at: updated_at, reason, by, dispatched }
}

export function statusOf({ order_id, status, updated_at, cancelled }: Order): OrderStatus {
  return { order_id, status, updated_at, ...(cancelled && { reason: cancelled.reason, cancelled_by: cancelled.by }) }
}
