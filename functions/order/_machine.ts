import type { OrderCancelled, OrderCreated, OrderStatus, Status } from './_contract'

/** What order knows of one order. `dispatched` is set when a courier has been let go with it: no cancel from then on. */
export interface Order {
  order_id: string
  user_id: string
  status: Status
  updated_at: string
  created?: Pick<OrderCreated, 'items' | 'address' | 'payment_method' | 'request_hash' | 'occurred_at'>
  dispatched?: true
  cancelled?: Pick<OrderCancelled, 'reason' | 'by' | 'dispatched'>
}

/** An event as far as order looks at it. */
export interface OrderEvent {
  subject: string
  body: { order_id: string; user_id: string; occurred_at: string }
}

const reaches: Record<string, Status> = {
  'events.order_created': 'created',
  'events.inventory_reserved': 'reserved',
  'events.payment_captured': 'paid',
  'events.delivery_assigned': 'assigned',
  'events.delivery_picked_up': 'assigned',
  'events.delivery_completed': 'delivered',
  'events.order_cancelled': 'cancelled',
}

const rank: Record<Status, number> = { created: 0, reserved: 1, paid: 2, assigned: 3, delivered: 4, cancelled: 4 }

const isFinal = ({ status }: Order): boolean => status === 'delivered' || status === 'cancelled'

/**
 * The order after an event. Late, repeated and overtaken events give the same order as the stream's own sequence does,
 * and a final status stays; what changes nothing returns what is known.
 */
export function apply(known: Order | undefined, { subject, body }: OrderEvent): Order | undefined {
  const status = reaches[subject]
  if (!status || (status === 'created' && known?.created)) return known
  const order = withFacts(known ?? unseen(body), subject, body)
  if (known && isFinal(known)) return order
  const reached = { status, updated_at: body.occurred_at }
  if (rank[status] === 4) return { ...order, ...reached }
  return advanced(order, reached)
}

/** An order whose `order_created` was overtaken by another of its events. */
export const unseen = ({ order_id, user_id }: OrderEvent['body']): Order => ({
  order_id,
  user_id,
  status: 'created',
  updated_at: '',
})

/** A status never goes back, and neither does the time of the latest event applied. */
function advanced(order: Order, reached: Pick<Order, 'status' | 'updated_at'>): Order {
  const status = rank[reached.status] > rank[order.status] ? reached.status : order.status
  const [, updated_at = ''] = [order.updated_at, reached.updated_at].sort()
  return status === order.status && updated_at === order.updated_at ? order : { ...order, status, updated_at }
}

function withFacts(order: Order, subject: string, body: OrderEvent['body']): Order {
  if (subject === 'events.order_created') {
    const { items, address, payment_method, request_hash, occurred_at } = body as OrderCreated
    return { ...order, created: { items, address, payment_method, request_hash, occurred_at } }
  }
  if (subject === 'events.delivery_picked_up' && !order.dispatched) {
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
  ...order,
  status: 'cancelled',
  updated_at: at,
  cancelled: facts,
})

/** The event that tells of a cancelled order, the same at every repeat. */
export function cancelledEvent({ order_id, user_id, updated_at, cancelled }: Order): OrderCancelled | undefined {
  return cancelled && { order_id, user_id, occurred_at: updated_at, ...cancelled }
}

export function statusOf({ order_id, status, updated_at, cancelled }: Order): OrderStatus {
  return { order_id, status, updated_at, ...(cancelled && { reason: cancelled.reason, cancelled_by: cancelled.by }) }
}
