import type { Recorded } from '../../functions/audit/_history'
import { at, order } from './order_events'

/** What each event carries beside order, user and time, as far as an explanation looks at it. */
const facts: Record<string, object> = {
  inventory_rejected: { reason: 'out_of_stock', sku: 'moka-pot' },
  payment_declined: { reason: 'payment_declined' },
  delivery_failed: { reason: 'delivery_failed', picked_up: false },
  order_cancel_requested: { by: 'customer', reason: 'changed my mind' },
  order_cancelled: { reason: 'changed my mind', by: 'customer', dispatched: false },
}

/** By whom, and caused by the event of which type; without `:` in front of it, by what is no event of the order. */
const senders: Record<string, [by: string, cause: string]> = {
  order_created: ['order/create', 'rpc.create_order'],
  inventory_reserved: ['inventory/reserve', ':order_created'],
  inventory_rejected: ['inventory/reserve', ':order_created'],
  payment_captured: ['payment/capture', ':inventory_reserved'],
  payment_declined: ['payment/capture', ':inventory_reserved'],
  delivery_assigned: ['delivery/assign', ':payment_captured'],
  delivery_picked_up: ['delivery/update', 'update_delivery:picked_up'],
  delivery_completed: ['delivery/update', 'update_delivery:delivered'],
  delivery_failed: ['delivery/update', 'update_delivery:failed'],
  order_cancel_requested: ['order/cancel', 'rpc.cancel_order'],
  order_cancelled: ['order/cancel', ':order_cancel_requested'],
  inventory_released: ['inventory/release', ':order_cancelled'],
  inventory_shipped: ['inventory/ship', ':delivery_picked_up'],
  payment_refunded: ['payment/refund', ':order_cancelled'],
}

export type Change = Partial<Pick<Recorded, 'id' | 'cause'>> & { second?: number; data?: object }

/** An order's recorded history: each event a second after the one before it, as its function sends it. */
export function history(...given: (string | [type: string, change: Change])[]): Recorded[] {
  return given.map((one, index) => {
    const [type, { second = index, data, ...change }] = typeof one === 'string' ? [one, {} as Change] : one
    const [by = 'somebody', cause = ''] = senders[type] ?? []
    const id = cause.startsWith(':') ? `${cause.slice(1)}:${order.order_id}` : `${cause}:${order.order_id}`
    return {
      seq: index + 11,
      type,
      order_id: order.order_id,
      at: at(second),
      data: { ...order, occurred_at: at(second), ...facts[type], ...data },
      id: `${type}:${order.order_id}`,
      cause: { id: cause.startsWith('rpc.') ? cause : id, function: by, attempt: 1 },
      ...change,
    }
  })
}

export const reserved = ['order_created', 'inventory_reserved']
export const paid = [...reserved, 'payment_captured']
export const assigned = [...paid, 'delivery_assigned']
export const left = [...assigned, 'delivery_picked_up', 'inventory_shipped']
export const asked = ['order_cancel_requested', 'order_cancelled']

/** Cancelled by the order itself, for the failure before it. */
export const bySystem = (failure: string, data: object = {}): [string, Change] => [
  'order_cancelled',
  {
    data: { by: 'system', reason: failure, ...data },
    cause: { id: `${failure}:${order.order_id}`, function: 'order/track', attempt: 1 },
  },
]
