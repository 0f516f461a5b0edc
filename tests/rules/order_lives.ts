import type { Told } from '../support/audit'

export interface Step {
  type: string
  body: Record<string, unknown>
}

const sku = 'moka-pot'
export const order_id = 'ABCDEFGHJKMNPQRSTVWXYZ0123'

export const at = (second: number) => new Date(Date.UTC(2026, 0, 30, 12) + second * 1_000).toISOString()

/** One event of an order, with what it says; `more` says otherwise. */
export const step = (type: string, more: object = {}, order = order_id): Step => ({
  type,
  body: { order_id: order, user_id: 'u-1', ...facts[type], ...more },
})

const items = [{ sku, qty: 2 }]
const money = { payment_id: 'p-1', amount: 200, currency: 'USD' }
const facts: Record<string, object> = {
  order_created: { items, address: '1 Main Street', payment_method: 'card', request_hash: 'h' },
  inventory_reserved: { items: [{ sku, qty: 2, unit_price: 100 }], amount: 200, currency: 'USD', ledger_seq: 2 },
  inventory_rejected: { reason: 'out_of_stock', sku },
  inventory_released: { items, ledger_seq: 3 },
  inventory_shipped: { items, ledger_seq: 3 },
  payment_captured: money,
  payment_declined: { reason: 'payment_declined' },
  payment_refunded: money,
  delivery_assigned: { courier_id: 'courier-1' },
  delivery_picked_up: { courier_id: 'courier-1' },
  delivery_completed: { courier_id: 'courier-1' },
  delivery_failed: { reason: 'delivery_failed', picked_up: false },
  order_cancel_requested: { by: 'customer' },
  order_cancelled: { reason: 'cancelled', by: 'customer', dispatched: false },
}

const shelf = { type: 'inventory_adjusted', body: { sku, on_hand: 10, unit_price: 100, ledger_seq: 1 } }

/** As the stream holds them: one a second, the shelf first. */
export const told = (steps: Step[], { shelved = true, from = 1 } = {}): Told[] =>
  [...(shelved ? [shelf] : []), ...steps].map(({ type, body }, index) => ({
    subject: `events.${type}`,
    body: { ...body, occurred_at: at(index) },
    seq: from + index,
  }))

const paid = ['order_created', 'inventory_reserved', 'payment_captured']
const carried = [...paid, 'delivery_assigned', 'delivery_picked_up', 'inventory_shipped']

/** Lives that end well, or have not ended, by what happened in them. */
export const lives: Record<string, Step[]> = Object.fromEntries(
  Object.entries({
    'just placed': ['order_created'],
    'on its way': carried,
    delivered: [...carried, 'delivery_completed'],
    'out of stock': ['order_created', 'inventory_rejected', 'order_cancelled'],
    declined: ['order_created', 'inventory_reserved', 'payment_declined', 'order_cancelled', 'inventory_released'],
    'cancelled before anything': ['order_created', 'order_cancel_requested', 'order_cancelled'],
    'cancelled when paid': [
      ...paid,
      'order_cancel_requested',
      'order_cancelled',
      'inventory_released',
      'payment_refunded',
    ],
    'undone before it was told to be done': [
      'order_created',
      'order_cancelled',
      'inventory_released',
      'payment_refunded',
      'inventory_reserved',
      'payment_captured',
    ],
  }).map(([name, types]) => [name, types.map((type) => step(type))]),
)
lives['failed with the goods'] = [
  ...carried.map((type) => step(type)),
  step('delivery_failed', { picked_up: true }),
  step('order_cancelled', { by: 'system', reason: 'delivery_failed', dispatched: true }),
  step('payment_refunded'),
]
