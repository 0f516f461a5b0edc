import type { Config, Handler } from '../_contracts'
import { booksGraceMs } from '../_environment'
import { books, shelfOf, totalsOf, verdict } from './_books'
import type { History } from './_history'

export const config = {
  mode: 'rpc',
  subject: 'rpc.check_books',
  queue: 'audit',
  stores: ['history'],
  ledgers: ['books'],
  awaits: ['audit/record'],
} satisfies Config

export const setup = booksGraceMs

/** Do the books balance, as of all that the stream held when the question came. */
export default (async (_, { store, ledger, settled }) => {
  await settled('audit/record')
  const counted = ledger('books', books)
  const evidence = {
    history: (order: string) => store<History>('history').get(order),
    shelf: (sku: string) => counted.read((table) => shelfOf(table, sku)),
  }
  return verdict(await counted.read(totalsOf), evidence, { now: Date.now(), graceMs: booksGraceMs() })
}) satisfies Handler<typeof config>
