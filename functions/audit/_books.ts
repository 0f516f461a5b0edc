import type { LedgerDefinition, Table } from '../../runtime/types'
import { accountOf, type Counted, countedOf, nothing } from './_account'
import type { Books, Event } from './_contract'
import type { History } from './_history'
import { type Finding, findingsOf } from './_laws'
import { fold as foldShelf, type Move, type ShelfAccount, shortage, type Told } from './_shelf'

/** What audit keeps of all orders: totals, and the name of each order and SKU that is out of balance now. */
export interface Totals extends Counted {
  /** The last event of the stream that is in them. */
  seq: number
  /** By order, since when; empty where nothing can put it right. */
  unbalanced: Record<string, string>
  /** Since when there are any without a name. */
  unnamedSince?: string
  /** By SKU, since when it is below zero. */
  short: Record<string, string>
}

/** What an order is, as its history said; `since` where it is out of balance. */
type OrderFacts = Counted & { since?: string }

/** A batch of the stream as audit recorded it: of each order it touches the whole, and what moves each shelf. */
export interface Page {
  seq: number
  orders: [order: string, is: OrderFacts][]
  moves: [sku: string, told: Told[]][]
}

type BooksTable = Table<Totals | OrderFacts | ShelfAccount>

const mostNamed = 2_000
const mostTold = 100

const empty: Totals = { ...nothing, seq: 0, unbalanced: {}, short: {} }

export const totalsOf = (table: BooksTable) => (table.get('totals') as Totals | undefined) ?? empty
export const shelfOf = (table: BooksTable, sku: string) => table.get(`sku:${sku}`) as ShelfAccount | undefined
const factsOf = (table: BooksTable, order: string) => table.get(`order:${order}`) as OrderFacts | undefined

export function factsIn(history: History): OrderFacts {
  const account = accountOf(history)
  const since = sinceOf(findingsOf(account))
  return { ...countedOf(account, history), ...(since !== undefined && { since }) }
}

const mostMoves = 2_000

/** In pages that fit into a message each, of orders with a hundred lines, too; the last one tells how far all of them go. */
export function pagesOf({ seq, orders, moves }: Page): Page[] {
  const pages: Page[] = [{ seq: 0, orders, moves: [] }]
  let count = 0
  for (const [sku, told] of moves) {
    for (let from = 0; from < told.length; from += mostMoves) {
      const some = told.slice(from, from + mostMoves)
      if (count + some.length > mostMoves) {
        pages.push({ seq: 0, orders: [], moves: [] })
        count = 0
      }
      pages.at(-1)?.moves.push([sku, some])
      count += some.length
    }
  }
  return pages.map((page, index) => (index === pages.length - 1 ? { ...page, seq } : page))
}

/**
 * What of a page the books do not hold yet; nothing where they hold it all. Of an order they hold what the longest
 * history said, so a page that comes again, late or beside another one adds what is new alone.
 */
export function newIn(table: BooksTable, { seq, orders, moves }: Page): Page | undefined {
  const fresh = {
    seq,
    orders: orders.filter(([order, is]) => is.events > (factsOf(table, order)?.events ?? 0)),
    moves: moves.filter(([sku, told]) => foldShelf(shelfOf(table, sku), told) !== shelfOf(table, sku)),
  }
  return fresh.orders.length + fresh.moves.length > 0 || seq > totalsOf(table).seq ? fresh : undefined
}

export const books: LedgerDefinition<Page, Totals | OrderFacts | ShelfAccount> = {
  fold(table, { seq, orders, moves }) {
    const known = totalsOf(table)
    const totals = {
      ...known,
      seq: Math.max(known.seq, seq),
      unbalanced: { ...known.unbalanced },
      short: { ...known.short },
    }
    for (const [order, is] of orders) {
      const was = factsOf(table, order) ?? nothing
      table.set(`order:${order}`, count(totals, order, was, is))
    }
    for (const [sku, told] of moves) {
      const shelf = foldShelf(shelfOf(table, sku), told)
      table.set(`sku:${sku}`, shelf)
      const found = shortage(shelf)
      if (!found) delete totals.short[sku]
      else if (!Object.hasOwn(totals.short, sku)) totals.short[sku] = found.at
    }
    table.set('totals', totals)
  },
}

/** Counts an order for what it adds to what was counted of it, and returns what is counted now. */
function count(totals: Totals, order: string, was: Counted, is: OrderFacts): Counted {
  const { since, events, orders, open, captured, refunded } = is
  const named = totals.unbalanced[order] !== undefined
  delete totals.unbalanced[order]
  let unnamed = 0
  if (since !== undefined) {
    if (named || Object.keys(totals.unbalanced).length < mostNamed) totals.unbalanced[order] = since
    else unnamed = 1
  }
  // Field by field: most of the memory is these.
  const now: Counted = { events, orders, open, captured, refunded, unnamed }
  for (const sum of Object.keys(nothing) as (keyof Counted)[]) totals[sum] += now[sum] - was[sum]
  if (totals.unnamed === 0) delete totals.unnamedSince
  else if (unnamed > 0) totals.unnamedSince ??= since
  return now
}

/** The earliest time since which something is awaited, or empty where something is wrong for good. */
function sinceOf(findings: Finding[]): string | undefined {
  const times = findings.map(({ since = '' }) => since)
  return times.sort()[0]
}

/** Reads what is told of an order or a SKU that is out of balance for longer than the grace. */
interface Evidence {
  history(order: string): Promise<History | undefined>
  shelf(sku: string): Promise<ShelfAccount | undefined>
}

/** The verdict at a time: what has been awaited for longer than the grace is a violation, the rest is pending. */
export async function verdict(
  totals: Totals,
  evidence: Evidence,
  { now, graceMs }: { now: number; graceMs: number },
): Promise<Books> {
  const isDue = ([, since]: [string, string]) => since === '' || now - Date.parse(since) > graceMs
  const orders = Object.entries(totals.unbalanced)
  const skus = Object.entries(totals.short)
  const dueOrders = orders.filter(isDue).slice(0, mostTold)
  const dueSkus = skus.filter(isDue).slice(0, mostTold)
  const found = await Promise.all([
    ...dueOrders.map(async ([order_id]) => {
      const history = (await evidence.history(order_id)) ?? { events: [] }
      return findingsOf(accountOf(history))
        .filter(({ since = '' }) => isDue(['', since]))
        .map(({ law, detail }) => ({ law, order_id, detail }))
    }),
    ...dueSkus.map(async ([sku]) => {
      const at = shortage((await evidence.shelf(sku)) as ShelfAccount)
      const detail = at && `${at.on_hand} on hand, ${at.reserved} reserved, after decision ${at.ledger_seq}`
      return detail ? [{ law: 'available_not_below_zero', sku, detail }] : []
    }),
  ])
  const violations: Books['violations'] = found.flat()
  const { unnamed, unnamedSince = '' } = totals
  if (unnamed > 0 && isDue(['', unnamedSince])) {
    violations.push({ law: 'named', detail: `${unnamed} more orders are out of balance, some since ${unnamedSince}` })
  }
  const pending = orders.filter((one) => !isDue(one)).length + skus.filter((one) => !isDue(one)).length
  const { seq, events, open, captured, refunded } = totals
  return {
    balanced: violations.length === 0,
    as_of_seq: seq,
    events,
    orders: totals.orders,
    open_orders: open,
    pending: pending + unnamed,
    captured,
    refunded,
    violations: violations.slice(0, mostTold),
  }
}

const signs: Record<string, Pick<Move, 'on_hand' | 'reserved'>> = {
  inventory_reserved: { on_hand: 0, reserved: 1 },
  inventory_released: { on_hand: 0, reserved: -1 },
  inventory_shipped: { on_hand: -1, reserved: -1 },
}

interface Goods {
  ledger_seq: number
  items: { sku: string; qty: number }[]
}

/** What an event moves, by SKU; nothing where it is not about goods. */
export function movesOf({ type, at, data }: Pick<Event, 'type' | 'at' | 'data'>): [string, Move][] {
  const sign = signs[type]
  if (!sign) return []
  const { ledger_seq, items } = data as unknown as Goods
  return items.map(({ sku, qty }) => [
    sku,
    { ledger_seq, at, on_hand: sign.on_hand * qty, reserved: sign.reserved * qty },
  ])
}
