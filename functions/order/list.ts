import type { Config, Handler } from '../_contracts'
import { type Order, statusOf } from './_machine'
import { cursorOf, entryOf, ordersOf } from './_pages'

export const config = {
  mode: 'rpc',
  subject: 'rpc.list_orders',
  queue: 'order',
  stores: ['orders', 'orders_of'],
} satisfies Config

/** A user's orders, newest first; one more than asked for tells whether there is another page. */
export default (async ({ user_id, limit = 20, cursor }, { store, reject }) => {
  const after = cursor === undefined ? undefined : entryOf(cursor)
  if (cursor !== undefined && !after) {
    const detail = 'must be the next_cursor of the page before'
    return reject(400, `#/cursor ${detail}`, [{ pointer: '#/cursor', detail }])
  }
  const found = await ordersOf(store<Order>('orders'), store('orders_of'), { user_id, limit: limit + 1, after })
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return { orders: page.map(statusOf), ...(last && found.length > limit && { next_cursor: cursorOf(last) }) }
}) satisfies Handler<typeof config>
