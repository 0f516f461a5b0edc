import type { Config, Handler } from '../_contracts'
import { booksGraceMs } from '../_environment'
import { empty, type Totals, verdict } from './_books'
import type { History } from './_history'
import type { ShelfAccount } from './_shelf'

export const config = {
  mode: 'rpc',
  subject: 'rpc.check_books',
  queue: 'audit',
  stores: ['books', 'history'],
  awaits: ['audit/record'],
} satisfies Config

export const setup = booksGraceMs

/** Do the books balance, as of all that the stream held when the question came. */
export default (async (_, { store, settled }) => {
  await settled('audit/record')
  const totals = (await store<Totals>('books').get('totals')) ?? empty
  const evidence = {
    history: (order: string) => store<History>('history').get(order),
    shelf: (sku: string) => store<ShelfAccount>('books').get(`sku.${sku}`),
  }
  return verdict(totals, evidence, { now: Date.now(), graceMs: booksGraceMs() })
}) satisfies Handler<typeof config>
