import { books, shelfOf, totalsOf, verdict } from '../../functions/audit/_books'
import type { History } from '../../functions/audit/_history'
import record from '../../functions/audit/record'
import { memoryLedger } from './memory_ledger'
import { memoryStores } from './memory_store'

export interface Told {
  subject: string
  body: Record<string, unknown>
  seq: number
}

/** Audit in memory: what it is told, page by page, and what its books say. */
export function openAudit() {
  const stores = memoryStores()
  let longest = 0
  const ledger = memoryLedger(books, (text) => {
    longest = Math.max(longest, text.length)
    stores.write()
  })
  return {
    ...stores,
    /** The longest decision of the books, in characters. */
    longest: () => longest,
    /** The events of every order. */
    recorded: () => stores.dump(),
    async read(page: Told[]): Promise<void> {
      const messages = page.map((one) => ({ ...one, raw: one.body, attempt: 1 }))
      const context = { messages, store: stores.store, ledger: () => ledger, log: { warn() {} } }
      await record([], context as unknown as Parameters<typeof record>[1])
    },
    async books({ now = Date.UTC(2026, 1, 1), graceMs = 60_000 } = {}) {
      const evidence = {
        history: (order: string) => stores.store<History>('history').get(order),
        shelf: (sku: string) => ledger.read((table) => shelfOf(table, sku)),
      }
      return verdict(await ledger.read(totalsOf), evidence, { now, graceMs })
    },
  }
}
