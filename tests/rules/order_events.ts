import type { OrderEvent } from '../../functions/order/_machine'

export const order = { order_id: 'ABCDEFGHJKMNPQRSTVWXYZ0123', user_id: 'u-1' }

/** The nth second of the order's life. */
export const at = (second: number) => new Date(Date.UTC(2026, 0, 30, 12, 0, second)).toISOString()

/** What each event carries beside order, user and time, as far as the order machine looks at it. */
const facts: Record<string, object> = {
  order_created: {
    items: [{ sku: 'moka-pot', qty: 2 }],
    address: '1 Main Street',
    payment_method: 'card',
    request_hash: 'a-hash',
  },
  inventory_reserved: { amount: 5_800, currency: 'USD' },
  inventory_rejected: { reason: 'out_of_stock', sku: 'moka-pot' },
  payment_declined: { reason: 'payment_declined' },
  delivery_failed: { reason: 'delivery_failed', picked_up: true },
  order_cancel_requested: { by: 'customer' },
  order_cancelled: { reason: 'cancelled', by: 'customer', dispatched: false },
}

export const event = (type: string, second: number, more: object = {}): OrderEvent => ({
  subject: `events.${type}`,
  body: { ...order, occurred_at: at(second), ...facts[type], ...more },
})
