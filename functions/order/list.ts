import type { Config, Handler } from '../_contracts'
import { type Order, statusOf } from './_machine'
import { cursorOf, entryOf, ordersOf } from './_pages'

export const config = {
  mode: 'rpc',
  subject: 'rpc.list_orders',
  queue: 'order',
  stores: ['orders', 'orders_of'],
} satisfies Config

/** A user's orders, newest first. */
export default (async ({ user_id, limit = 20, cursor }, { store, reject }) => {
  const after = cursor === undefined ? undefined : entryOf(cursor)
  if (cursor !== undefined && !after) {
    const detail = 'must be the next_cursor of the page before'
    return reject(400, `#/cursor ${detail}`, [{ pointer: '#/cursor', detail }])
  }
  const { orders, next } = await ordersOf(store<Order>('orders'), store('orders_of'), { user_id, limit, after })
  return { orders: orders.map(statusOf), ...(next && { next_cursor: cursorOf(next) }) }
}) satisfies Handler<typeof config>
