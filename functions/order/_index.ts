import { createHash } from 'node:crypto'
import type { Store } from '../../runtime/types'
import type { CreatedOrder } from './_machine'

/** When an order was created, and which. Orders stand newest first, by time and then by id. */
export type Entry = [at: string, order_id: string]

/**
 * Orders of one user. The head is a record that changes; what it sheds are pages that never do, named for what they
 * hold, so that of two writers who shed at once neither touches the other's.
 */
export interface Shelf {
  entries: Entry[]
  /** How many there are in all: no two heads of one user have the same. */
  count: number
  older?: {
    page: string
    /** No entry there, or beyond, is newer than this one. */
    newest: Entry
  }
}

export type Shelves = Store<Shelf>

const headHolds = 200
const pageHolds = 100

/** Any string may be a user, and only some may be a key. */
export const headOf = (user: string): string => hashOf(user)

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('base64url')

/** Notes orders under their users, each once: one write for each user. */
export async function indexOrders(shelves: Shelves, orders: CreatedOrder[]): Promise<void> {
  const byUser = new Map<string, Entry[]>()
  for (const { user_id, order_id, created } of orders) {
    byUser.set(user_id, [...(byUser.get(user_id) ?? []), [created.occurred_at, order_id]])
  }
  await Promise.all([...byUser].map(([user, entries]) => note(shelves, headOf(user), entries)))
}

async function note(shelves: Shelves, key: string, told: Entry[]): Promise<void> {
  for (;;) {
    const head = await shelves.get(key)
    const fresh = await unknown(shelves, head, told)
    if (fresh.length === 0) return
    const next = await shed(shelves, key, withEntries(head, fresh))
    let isLost = false
    await shelves.update(key, (known) => {
      isLost = known?.count !== head?.count
      return isLost ? known : next
    })
    if (!isLost) return
  }
}

/** Those that stand nowhere yet; pages that can hold none of them are not read. */
async function unknown(shelves: Shelves, head: Shelf | undefined, told: Entry[]): Promise<Entry[]> {
  let left = told
  for (let shelf = head; shelf && left.length > 0; shelf = await olderThan(shelves, shelf, left)) {
    const ids = new Set(shelf.entries.map(([, id]) => id))
    left = left.filter(([, id]) => !ids.has(id))
  }
  return left
}

/** The next page, if one of these can stand there. */
export async function olderThan(shelves: Shelves, { older }: Shelf, wanted: Entry[]): Promise<Shelf | undefined> {
  if (!older || !wanted.some((entry) => newestFirst(entry, older.newest) >= 0)) return undefined
  return shelves.get(older.page)
}

function withEntries(head: Shelf = { entries: [], count: 0 }, fresh: Entry[]): Shelf {
  const entries = [...head.entries, ...fresh].sort(newestFirst)
  return { ...head, entries, count: head.count + fresh.length }
}

/** The page is there before the head that no longer has its entries; whoever dies in between leaves a page that nobody reads. */
async function shed(shelves: Shelves, user: string, head: Shelf): Promise<Shelf> {
  if (head.entries.length <= headHolds) return head
  const entries = head.entries.slice(-pageHolds)
  const page: Shelf = { entries, count: entries.length, older: head.older }
  const key = `${user}.${hashOf(page)}`
  await shelves.update(key, (known = page) => known)
  const [first] = entries as [Entry, ...Entry[]]
  const newest = head.older && newestFirst(head.older.newest, first) < 0 ? head.older.newest : first
  return shed(shelves, user, { ...head, entries: head.entries.slice(0, -pageHolds), older: { page: key, newest } })
}

export function newestFirst([at, id]: Entry, [otherAt, otherId]: Entry): number {
  if (at !== otherAt) return at > otherAt ? -1 : 1
  return id === otherId ? 0 : id > otherId ? -1 : 1
}
