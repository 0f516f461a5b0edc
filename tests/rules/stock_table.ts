import type { Decision } from '../../functions/inventory/_contract'
import { type Shelf, stock } from '../../functions/inventory/_stock'
import type { Table } from '../../runtime/types'

type Value = ReturnType<StockTable['get']>
type StockTable = Parameters<typeof stock.fold>[0]

/** The stock's ledger in memory: what is decided is folded at once. */
export class StockLedger {
  readonly decisions: Decision[] = []
  private readonly values = new Map<string, NonNullable<Value>>()
  readonly table: StockTable = {
    get: (key) => this.values.get(key),
    set: (key, value) => void this.values.set(key, value),
  } satisfies Table<NonNullable<Value>>

  /** Shelves with so many pieces, at 100 apiece. */
  constructor(shelves: Record<string, number> = {}) {
    for (const [sku, on_hand] of Object.entries(shelves)) this.adjust(sku, on_hand)
  }

  /** Appends what a rule decided and returns it. */
  append(decision: Decision | undefined): Decision | undefined {
    if (decision) stock.fold(this.table, decision, this.decisions.push(decision))
    return decision
  }

  adjust(sku: string, on_hand: number, more: { unit_price?: number; name?: string } = {}): void {
    this.append({ kind: 'adjust', sku, on_hand, unit_price: 100, ...more, at: '2026-01-30T12:00:00.000Z' })
  }

  /** `on_hand/reserved` of a SKU. */
  shelf(sku: string): string {
    const { on_hand, reserved } = this.table.get(`sku:${sku}`) as Shelf
    return `${on_hand}/${reserved}`
  }

  /** Every value by its key, sorted. */
  dump(): [string, Value][] {
    return [...this.values].toSorted(([one], [other]) => (one < other ? -1 : 1))
  }
}
