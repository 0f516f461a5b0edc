import { type Account, accountOf, isOpen } from './_account'
import type { Books, Event } from './_contract'
import type { History } from './_history'
import { type Finding, findingsOf } from './_laws'
import type { Move, ShelfAccount } from './_shelf'
import { shortage } from './_shelf'

/** What audit keeps of all orders: totals, and the name of each order and SKU that is out of balance now. */
export interface Totals {
  /** The last event of the stream that is in them. */
  seq: number
  events: number
  orders: number
  open: number
  /** Minor units. */
  captured: number
  refunded: number
  /** By order, since when; empty where nothing can put it right. */
  unbalanced: Record<string, string>
  /** Orders out of balance beyond those that are named, and since when there are any. */
  unnamed: number
  unnamedSince?: string
  /** By SKU, since when it is below zero. */
  short: Record<string, string>
}

const mostNamed = 2_000
const mostTold = 100

export const empty: Totals = {
  seq: 0,
  events: 0,
  orders: 0,
  open: 0,
  captured: 0,
  refunded: 0,
  unbalanced: {},
  unnamed: 0,
  short: {},
}

/** A batch of the stream, as audit recorded it. */
export interface Page {
  /** Of each order that the page has an event of, whole. */
  histories: Map<string, History>
  shelves: Map<string, ShelfAccount>
  /** Of every event of the page, ascending. */
  seqs: number[]
  /** Of orders with events that are new although their place has been passed: how many, and the history without them. */
  late: Map<string, { count: number; before: History }>
}

/** The totals with a page of the stream in them; what they hold already changes nothing. */
export function fold(known: Totals = empty, { histories, shelves, seqs, late }: Page): Totals {
  const seq = Math.max(known.seq, seqs.at(-1) ?? 0)
  if (seq === known.seq && late.size === 0) return known
  const lateEvents = [...late.values()].reduce((sum, { count }) => sum + count, 0)
  const totals: Totals = {
    ...known,
    seq,
    events: known.events + seqs.filter((one) => one > known.seq).length + lateEvents,
    unbalanced: { ...known.unbalanced },
    short: { ...known.short },
  }
  for (const [order, history] of histories) {
    const was = accountOf(late.get(order)?.before ?? history, known.seq)
    foldOrder(totals, order, was, accountOf(history, seq))
  }
  for (const [sku, shelf] of shelves) {
    const found = shortage(shelf)
    if (found) totals.short[sku] ??= found.at
    else delete totals.short[sku]
  }
  return totals
}

/** An order counts for the difference between its account before the page and after it. */
function foldOrder(totals: Totals, order: string, was: Account, is: Account): void {
  totals.orders += Number(Boolean(is.created)) - Number(Boolean(was.created))
  totals.open += Number(isOpen(is)) - Number(isOpen(was))
  totals.captured += is.sums.captured - was.sums.captured
  totals.refunded += is.sums.refunded - was.sums.refunded
  const since = sinceOf(findingsOf(is))
  const named = totals.unbalanced[order] !== undefined
  if (!named && findingsOf(was).length > 0) totals.unnamed = Math.max(0, totals.unnamed - 1)
  if (totals.unnamed === 0) delete totals.unnamedSince
  delete totals.unbalanced[order]
  if (since === undefined) return
  if (named || Object.keys(totals.unbalanced).length < mostNamed) totals.unbalanced[order] = since
  else {
    totals.unnamed++
    totals.unnamedSince ??= since
  }
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
      return findingsOf(accountOf(history, totals.seq))
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
