import type { LedgerDefinition, Table } from '../../runtime/types'
import { catalog } from './_catalog'
import type { Decision, Moved, Rejected, Reserved, Stock } from './_contract'

/** A kind of goods on the shelf; `reserved` pieces are held for orders and still there. */
export interface Shelf {
  sku: string
  name?: string
  unit_price: number
  on_hand: number
  reserved: number
}

type DecisionOf<K extends Decision['kind']> = Extract<Decision, { kind: K }>
type Noted<K extends Decision['kind']> = DecisionOf<K> & { seq: number }

/** All that was decided for one order; the marks by which a repeat finds that it is one. */
interface Mark {
  reserved?: Noted<'reserve'>
  rejected?: Noted<'reject'>
  released?: Noted<'release'>
  shipped?: Noted<'ship'>
  blocked?: true
}

type StockTable = Table<Shelf | Mark>

const shelfOf = (table: StockTable, sku: string) => table.get(`sku:${sku}`) as Shelf | undefined
const markOf = (table: StockTable, order: string) => table.get(`order:${order}`) as Mark | undefined

export const stock: LedgerDefinition<Decision, Shelf | Mark> = {
  initial: catalog,

  fold(table, decision, seq) {
    if (decision.kind === 'adjust') {
      const { sku, on_hand, unit_price, name } = decision
      const reserved = shelfOf(table, sku)?.reserved ?? 0
      table.set(`sku:${sku}`, { sku, ...(name !== undefined && { name }), unit_price, on_hand, reserved })
      return
    }
    const mark = markOf(table, decision.order_id)
    const note = (facts: Mark) => table.set(`order:${decision.order_id}`, Object.assign({}, mark, facts))
    switch (decision.kind) {
      case 'reserve': {
        // Field by field: most of the memory is these, and each takes half of what a copy of all that is there does.
        const { kind, order_id, user_id, at, items, amount, currency } = decision
        move(table, items, 0, 1)
        return note({ reserved: { seq, kind, order_id, user_id, at, items, amount, currency } })
      }
      case 'release':
        move(table, decision.items, 0, -1)
        return note({ released: { seq, ...decision } })
      case 'ship': {
        const { kind, order_id, user_id, at, items } = decision
        move(table, items, -1, -1)
        return note({ shipped: { seq, kind, order_id, user_id, at, items } })
      }
      case 'reject':
        return note({ rejected: { seq, ...decision } })
      case 'block':
        return note({ blocked: true })
    }
  },
}

function move(table: StockTable, items: { sku: string; qty: number }[], onHand: -1 | 0, reserved: -1 | 1): void {
  for (const { sku, qty } of items) {
    const shelf = shelfOf(table, sku)
    if (!shelf) throw new Error(`the ledger moves ${sku}, which was never on the shelf`)
    table.set(`sku:${sku}`, {
      ...shelf,
      on_hand: shelf.on_hand + onHand * qty,
      reserved: shelf.reserved + reserved * qty,
    })
  }
}

interface OrderFacts {
  order_id: string
  user_id: string
  items: { sku: string; qty: number }[]
}

/** Holds all lines of an order or none; nothing where the order was decided or cancelled already. */
export function reserve(table: StockTable, order: OrderFacts, currency: string, at: string): Decision | undefined {
  const { order_id, user_id } = order
  if (markOf(table, order_id)) return undefined
  const lines = order.items.map((line) => ({ shelf: shelfOf(table, line.sku), ...line }))
  const unknown = lines.find(({ shelf }) => !shelf)
  if (unknown) return { kind: 'reject', order_id, user_id, at, reason: 'unknown_sku', sku: unknown.sku }
  const short = lines.find(({ qty, shelf }) => shelf && shelf.on_hand - shelf.reserved < qty)
  if (short) return { kind: 'reject', order_id, user_id, at, reason: 'out_of_stock', sku: short.sku }
  const items = lines.map(({ sku, qty, shelf }) => ({ sku, qty, unit_price: shelf?.unit_price ?? 0 }))
  const amount = items.reduce((sum, { qty, unit_price }) => sum + qty * unit_price, 0)
  return { kind: 'reserve', order_id, user_id, at, items, amount, currency }
}

/** Gives back what a cancelled order holds; where it holds nothing yet, keeps it from ever reserving. */
export function release(table: StockTable, order: Omit<OrderFacts, 'items'>, at: string): Decision | undefined {
  const { order_id, user_id } = order
  const mark = markOf(table, order_id)
  if (!mark) return { kind: 'block', order_id }
  if (!mark.reserved || mark.released || mark.shipped) return undefined
  return { kind: 'release', order_id, user_id, at, items: bare(mark.reserved.items) }
}

/** The goods leave with the courier. */
export function ship(table: StockTable, order: Omit<OrderFacts, 'items'>, at: string): Decision | undefined {
  const { order_id, user_id } = order
  const mark = markOf(table, order_id)
  if (!mark?.reserved || mark.released || mark.shipped) return undefined
  return { kind: 'ship', order_id, user_id, at, items: bare(mark.reserved.items) }
}

const bare = (items: { sku: string; qty: number }[]) => items.map(({ sku, qty }) => ({ sku, qty }))

/** What was decided for an order, as its events say it; the same at every repeat. */
export function eventsOf(table: StockTable, order_id: string) {
  const { reserved, rejected, released, shipped } = markOf(table, order_id) ?? {}
  return {
    reserved: reserved && told<Reserved>(reserved, { amount: reserved.amount, currency: reserved.currency }),
    rejected:
      rejected &&
      ({
        reason: rejected.reason,
        sku: rejected.sku,
        ...ofOrder(rejected),
      } satisfies Rejected),
    released: released && told<Moved>(released, {}),
    shipped: shipped && told<Moved>(shipped, {}),
  }
}

const ofOrder = ({ order_id, user_id, at }: { order_id: string; user_id: string; at: string }) => ({
  order_id,
  user_id,
  occurred_at: at,
})

const told = <T extends Moved>(noted: Noted<'reserve' | 'release' | 'ship'>, more: Omit<T, keyof Moved>): T =>
  ({ items: noted.items, ledger_seq: noted.seq, ...more, ...ofOrder(noted) }) as unknown as T

export function stockOf(table: StockTable, sku: string, currency: string): Stock | undefined {
  const shelf = shelfOf(table, sku)
  return shelf && { ...shelf, currency, available: shelf.on_hand - shelf.reserved }
}
