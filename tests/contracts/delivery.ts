import { type Fixtures, orderEvent } from './fixture'
import { flag, one, orderId, text, time, user } from './kinds'

const courier_id = text(128)
const note = text(200)
const status = one('picked_up', 'delivered', 'failed')

export default {
  'events.delivery_assigned': orderEvent('delivery_assigned', { courier_id }),
  'events.delivery_picked_up': orderEvent('delivery_picked_up', { courier_id }),
  'events.delivery_completed': orderEvent('delivery_completed', { courier_id }),
  'events.delivery_failed': orderEvent(
    'delivery_failed',
    { reason: one('no_courier', 'delivery_failed'), picked_up: flag, note },
    ['note'],
  ),
  'jobs.update_delivery': {
    fields: { order_id: orderId, user_id: user, occurred_at: time, status, note },
    optional: ['note'],
    id: `update_delivery:picked_up:${orderId.right[0]}`,
  },
  'rpc.update_delivery': {
    request: { fields: { order_id: orderId, status, note }, optional: ['note'] },
    reply: {
      fields: {
        order_id: orderId,
        status: one('assigned', 'picked_up', 'delivered', 'failed', 'cancelled'),
        courier_id,
        updated_at: time,
      },
      optional: ['courier_id'],
    },
  },
} satisfies Fixtures
