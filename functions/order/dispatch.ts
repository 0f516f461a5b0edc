import type { Config, Handler } from '../_contracts'
import { dispatch, type Order, statusOf } from './_machine'

export const config = {
  mode: 'rpc',
  subject: 'rpc.dispatch_order',
  queue: 'order',
  stores: ['orders'],
} satisfies Config

/** Settles the race of pick-up and cancel: whichever is stored first holds. */
export default (async ({ order_id }, { store, reject }) => {
  const order = await store<Order>('orders').update(order_id, (known) => known && dispatch(known))
  if (!order) return reject(404, `There is no order ${order_id}.`)
  if (order.status === 'cancelled') return reject(409, 'The order is cancelled, so it cannot be picked up.')
  return statusOf(order)
}) satisfies Handler<typeof config>
