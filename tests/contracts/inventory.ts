import { type Fixtures, orderEvent, type Shape } from './fixture'
import {
  anyText,
  anyWhole,
  currency,
  type Kind,
  lines,
  one,
  orderId,
  price,
  sku,
  text,
  time,
  user,
  whole,
} from './kinds'

const ledger_seq = whole(1)
const on_hand = whole(0, 1_000_000_000)
const name = text(200)
const items = lines({ mostPieces: 1_000_000 })
const pricedItems = lines({ mostPieces: 1_000_000, priced: true })

const stock: Shape = {
  fields: {
    sku,
    name: anyText,
    unit_price: anyWhole,
    currency: anyText,
    on_hand: whole(0),
    reserved: whole(0),
    available: whole(0),
  },
  optional: ['name', 'unit_price', 'currency'],
}

const order = { order_id: orderId.right[0], user_id: user.right[0], at: time.right[0] }
const shelf = { sku: 'moka-pot', on_hand: 5, unit_price: 1_890, at: time.right[0] }
const held = { ...order, items: pricedItems.right[0], amount: 3_780, currency: 'USD' }
const moved = { ...order, items: items.right[0] }

/** Every kind of decision that the ledger of the stock holds. */
const decisions: Kind = {
  right: [
    [{ kind: 'adjust', ...shelf }],
    [],
    [
      { kind: 'reserve', ...held },
      { kind: 'reject', ...order, reason: 'unknown_sku', sku: 'moka-pot' },
      { kind: 'release', ...moved },
      { kind: 'ship', ...moved },
      { kind: 'block', order_id: order.order_id },
      { kind: 'adjust', ...shelf, name: 'Moka pot' },
    ],
  ],
  wrong: [
    ['', 'adjust'],
    ['', {}],
    ['/0', [null]],
    ['/0', [{ ...shelf }]],
    ['/0', [{ kind: 'forget', order_id: order.order_id }]],
    ['/0', [{ kind: 'reserve', ...moved }]],
    ['/0', [{ kind: 'reject', ...order, reason: 'too_heavy', sku: 'moka-pot' }]],
    ['/0', [{ kind: 'adjust', ...shelf, on_hand: -1 }]],
    [
      '/1',
      [
        { kind: 'adjust', ...shelf },
        { kind: 'ship', ...moved, items: [] },
      ],
    ],
  ],
}

export default {
  'events.inventory_reserved': orderEvent('inventory_reserved', {
    items: pricedItems,
    amount: whole(0),
    currency,
    ledger_seq,
  }),
  'events.inventory_rejected': orderEvent('inventory_rejected', { reason: one('out_of_stock', 'unknown_sku'), sku }),
  'events.inventory_released': orderEvent('inventory_released', { items, ledger_seq }),
  'events.inventory_shipped': orderEvent('inventory_shipped', { items, ledger_seq }),
  'events.inventory_adjusted': {
    fields: { sku, on_hand, unit_price: price, name, occurred_at: time, ledger_seq },
    optional: ['name'],
    id: 'inventory_adjusted:moka-pot:2',
  },
  'rpc.check_inventory': { request: { fields: { sku } }, reply: stock },
  'rpc.set_inventory': {
    request: { fields: { sku, on_hand, unit_price: price, name }, optional: ['unit_price', 'name'] },
    reply: stock,
  },
  'ledger.stock': { fields: { from: whole(1), decisions } },
} satisfies Fixtures
