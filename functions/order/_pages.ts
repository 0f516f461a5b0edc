import type { Store } from '../../runtime/types'
import { OrderId, Time } from '../_fields'
import { type Entry, headOf, newestFirst, olderThan, type Shelves } from './_index'
import type { CreatedOrder, Order } from './_machine'

interface Wish {
  user_id: string
  limit: number
  /** Only those that stand behind it. */
  after?: Entry
}

/** The page of a list that begins behind an order names that one: new orders do not move it. */
export const cursorOf = ({ order_id, created }: CreatedOrder): string =>
  Buffer.from(JSON.stringify([created.occurred_at, order_id])).toString('base64url')

/** Undefined for what no page ever had. */
export function entryOf(cursor: string): Entry | undefined {
  try {
    const [at, id, ...more] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const isEntry = !Time.validate(at)[0] && !OrderId.validate(id)[0] && more.length === 0
    return isEntry ? [at, id] : undefined
  } catch {
    return undefined
  }
}

/** A user's orders, the newest first. */
export async function ordersOf(
  orders: Store<Order>,
  shelves: Shelves,
  { user_id, limit, after }: Wish,
): Promise<CreatedOrder[]> {
  const found = orders.newest
    ? await orders.newest({ where: ['user_id', user_id], by: 'created_at', before: after, limit })
    : await Promise.all((await entriesOf(shelves, { user_id, limit, after })).map(([, id]) => orders.get(id)))
  return found.filter((order): order is CreatedOrder => order?.created !== undefined)
}

/** What came out of its turn stands on a newer page than it belongs to: so a page is read as long as one there may come before. */
async function entriesOf(shelves: Shelves, { user_id, limit, after }: Wish): Promise<Entry[]> {
  let found: Entry[] = []
  let shelf = await shelves.get(headOf(user_id))
  while (shelf) {
    const behind = shelf.entries.filter((entry) => !after || newestFirst(entry, after) > 0)
    found = [...found, ...behind].sort(newestFirst).slice(0, limit)
    const last = found[limit - 1]
    shelf = last ? await olderThan(shelves, shelf, [last]) : shelf.older && (await shelves.get(shelf.older.page))
  }
  return found
}
