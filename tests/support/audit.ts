import { empty, type Totals, verdict } from '../../functions/audit/_books'
import type { History } from '../../functions/audit/_history'
import type { ShelfAccount } from '../../functions/audit/_shelf'
import record from '../../functions/audit/record'
import { memoryStores } from './memory_store'

export interface Told {
  subject: string
  body: Record<string, unknown>
  seq: number
}

/** Audit in memory: what it is told, page by page, and what its books say. */
export function openAudit() {
  const stores = memoryStores()
  return {
    ...stores,
    /** The events of every order, and every shelf. */
    recorded: () =>
      stores.dump().flatMap(([key, text]) => {
        if (key === 'books/totals') return []
        const { events, conflicts, moves, on_hand, reserved } = JSON.parse(text)
        return [[key, { events, conflicts, moves, on_hand, reserved }]]
      }),
    async read(page: Told[]): Promise<void> {
      const messages = page.map((one) => ({ ...one, raw: one.body, attempt: 1 }))
      const context = { messages, store: stores.store, log: { warn() {} } } as unknown as Parameters<typeof record>[1]
      await record([], context)
    },
    async books({ now = Date.UTC(2026, 1, 1), graceMs = 60_000 } = {}) {
      const totals = (await stores.store<Totals>('books').get('totals')) ?? empty
      const evidence = {
        history: (order: string) => stores.store<History>('history').get(order),
        shelf: (sku: string) => stores.store<ShelfAccount>('books').get(`sku.${sku}`),
      }
      return verdict(totals, evidence, { now, graceMs })
    },
  }
}
