import type { Config, Handler } from '../_contracts'
import { type Order, statusOf } from './_machine'

export const config = {
  mode: 'rpc',
  subject: 'rpc.get_order_status',
  queue: 'order',
  stores: ['orders'],
} satisfies Config

export default (async ({ order_id }, { store, reject }) => {
  const order = await store<Order>('orders').get(order_id)
  return order ? statusOf(order) : reject(404, `There is no order ${order_id}.`)
}) satisfies Handler<typeof config>
