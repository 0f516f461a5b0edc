import { type Fixtures, orderEvent, type Shape } from './fixture'
import { anyText, flag, type Kind, lines, one, orderId, text, time, user, whole, without } from './kinds'

const address = text(500)
const reason = text(200)
const payment_method = one('card')

export const orderStatus: Shape = {
  fields: {
    order_id: orderId,
    status: one('created', 'reserved', 'paid', 'assigned', 'delivered', 'cancelled'),
    updated_at: time,
    reason: anyText,
    cancelled_by: one('customer', 'operator', 'system'),
  },
  optional: ['reason', 'cancelled_by'],
}

const listed = { order_id: '0'.repeat(26), status: 'created', updated_at: '2026-01-30T12:00:00.000Z' }
const orders: Kind = {
  right: [[], [listed], [listed, { ...listed, reason: 'cancelled', cancelled_by: 'customer' }]],
  wrong: [
    ['', {}],
    ['/0', ['x']],
    ['/1/status', [listed, { ...listed, status: 'lost' }]],
    ['/0/updated_at', [without(listed, 'updated_at')]],
  ],
}

export default {
  'events.order_created': orderEvent('order_created', {
    items: lines({ mostPieces: 1_000_000 }),
    address,
    payment_method,
    request_hash: anyText,
  }),
  'events.order_cancel_requested': orderEvent('order_cancel_requested', { reason, by: one('customer', 'operator') }, [
    'reason',
  ]),
  'events.order_cancelled': orderEvent('order_cancelled', {
    reason,
    by: one('customer', 'operator', 'system'),
    dispatched: flag,
  }),
  'rpc.create_order': {
    request: {
      fields: {
        user_id: user,
        items: lines({ mostPieces: 10_000, merged: false }),
        address,
        payment_method,
      },
    },
    reply: { fields: { order_id: orderId, status: one('created') } },
  },
  'rpc.get_order_status': { request: { fields: { order_id: orderId } }, reply: orderStatus },
  'rpc.list_orders': {
    request: { fields: { user_id: user, limit: whole(1, 100), cursor: anyText }, optional: ['limit', 'cursor'] },
    reply: { fields: { orders, next_cursor: anyText }, optional: ['next_cursor'] },
  },
  'rpc.cancel_order': {
    request: {
      fields: { order_id: orderId, reason, by: one('customer', 'operator') },
      optional: ['reason', 'by'],
    },
    reply: orderStatus,
  },
  'rpc.dispatch_order': { request: { fields: { order_id: orderId, courier_id: text(128) } }, reply: orderStatus },
} satisfies Fixtures
