import { accountOf, type Counted, countedOf, nothing } from './_account'
import type { Books, Event } from './_contract'
import type { History } from './_history'
import { type Finding, findingsOf } from './_laws'
import type { Move, ShelfAccount } from './_shelf'
import { shortage } from './_shelf'

/** What audit keeps of all orders: totals, and the name of each order and SKU that is out of balance now. */
export interface Totals extends Counted {
  /** The last event of the stream that is in them. */
  seq: number
  /** Counts the changes, so that two who fold at once find each other. */
  version: number
  /** What is counted of the orders of the last batches, whose histories do not say so yet. */
  counted: Record<string, Counted>
  /** By order, since when; empty where nothing can put it right. */
  unbalanced: Record<string, string>
  /** Since when there are any without a name. */
  unnamedSince?: string
  /** By SKU, since when it is below zero. */
  short: Record<string, string>
}

const mostNamed = 2_000
const mostTold = 100
const mostCounted = 300

export const empty: Totals = { ...nothing, seq: 0, version: 0, counted: {}, unbalanced: {}, short: {} }

/** A batch of the stream, as audit recorded it. */
export interface Page {
  /** Of each order that the page has an event of, whole. */
  histories: Map<string, History>
  shelves: Map<string, ShelfAccount>
  lastSeq: number
  /** Orders whose histories have been told what is counted of them. */
  noted: string[]
}

/** The orders whose histories have to be told what is counted of them, before the totals forget it. */
export function toNote({ counted }: Totals, touched: Map<string, unknown>): string[] {
  const untouched = Object.keys(counted).filter((order) => !touched.has(order))
  return untouched.slice(0, Math.max(0, untouched.length + touched.size - mostCounted))
}

/** The totals with a page in them: each order counts for what its history adds to what is counted of it. */
export function fold(known: Totals, { histories, shelves, lastSeq, noted }: Page): Totals {
  const totals: Totals = {
    ...known,
    seq: Math.max(known.seq, lastSeq),
    version: known.version + 1,
    counted: { ...known.counted },
    unbalanced: { ...known.unbalanced },
    short: { ...known.short },
  }
  for (const order of noted) delete totals.counted[order]
  for (const [order, history] of histories) foldOrder(totals, order, history)
  for (const [sku, shelf] of shelves) {
    const found = shortage(shelf)
    if (found) totals.short[sku] ??= found.at
    else delete totals.short[sku]
  }
  return totals
}

function foldOrder(totals: Totals, order: string, history: History): void {
  const account = accountOf(history)
  const since = sinceOf(findingsOf(account))
  const named = totals.unbalanced[order] !== undefined
  delete totals.unbalanced[order]
  const is = countedOf(account, history)
  if (since !== undefined) {
    if (named || Object.keys(totals.unbalanced).length < mostNamed) totals.unbalanced[order] = since
    else is.unnamed = 1
  }
  const was = totals.counted[order] ?? history.counted ?? nothing
  for (const sum of Object.keys(nothing) as (keyof Counted)[]) totals[sum] += is[sum] - was[sum]
  totals.counted[order] = is
  if (totals.unnamed === 0) delete totals.unnamedSince
  else if (is.unnamed > 0) totals.unnamedSince ??= since
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
