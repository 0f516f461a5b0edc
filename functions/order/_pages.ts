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
export const cursorOf = (entry: Entry): string => Buffer.from(JSON.stringify(entry)).toString('base64url')

/** Undefined for what no page ever had. */
export function entryOf(cursor: string): Entry | undefined {
  try {
    const [at, id, ...more] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    const isEntry = isTime(at) && !OrderId.validate(id)[0] && more.length === 0
    return isEntry ? [at, id] : undefined
  } catch {
    return undefined
  }
}

/** There is no year 0, says a database. */
const isTime = (at: string): boolean => !Time.validate(at)[0] && new Date(at).toJSON() === at && at >= '0001'

interface Page {
  orders: CreatedOrder[]
  /** The last one looked at, where there are more behind it. */
  next?: Entry
}

/** A user's orders, the newest first. */
export async function ordersOf(orders: Store<Order>, shelves: Shelves, wish: Wish): Promise<Page> {
  const { user_id, limit, after } = wish
  // One more than asked for tells whether there is another page.
  const more = limit + 1
  if (orders.newest) {
    const where: [string, string] = ['user_id', user_id]
    const found = await orders.newest({ where, by: 'created_at', before: after, limit: more })
    return pageOf(found.filter(isCreated), limit, entryOfOrder)
  }
  const entries = pageOf(await entriesOf(shelves, { user_id, limit: more, after }), limit, (entry) => entry)
  const found = await Promise.all(entries.orders.map(([, id]) => orders.get(id)))
  // One that is noted and not there, as after a restore of one bucket alone, does not end the list.
  return { ...entries, orders: found.filter(isCreated) }
}

const isCreated = (order: Order | undefined): order is CreatedOrder => order?.created !== undefined
const entryOfOrder = ({ order_id, created }: CreatedOrder): Entry => [created.occurred_at, order_id]

function pageOf<T>(found: T[], limit: number, entryOf: (one: T) => Entry): { orders: T[]; next?: Entry } {
  const orders = found.slice(0, limit)
  const last = orders.at(-1)
  return { orders, ...(last && found.length > limit && { next: entryOf(last) }) }
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
