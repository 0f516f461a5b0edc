import type { Config, Handler } from '../_contracts'
import { fold as foldTotals, movesOf, type Totals } from './_books'
import { type History, type Recorded, record } from './_history'
import { fold as foldShelf, type Move, type ShelfAccount } from './_shelf'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'audit',
  stores: ['books', 'history'],
  ordered: true,
  batch: 500,
} satisfies Config

/**
 * Audit's own record of the JetStream history, in stream order, and the books that follow from it. The events of one
 * order in a batch are one write; each record knows which event it holds last, so a batch that comes again adds nothing.
 */
export default (async (_, { messages, store, log }) => {
  const byOrder = new Map<string, Recorded[]>()
  const moves = new Map<string, { seq: number; move: Move }[]>()
  const seqs = new Set<number>()
  const move = (seq: number, [sku, made]: [string, Move]) =>
    moves.set(sku, [...(moves.get(sku) ?? []), { seq, move: made }])
  for (const { subject, body, raw, seq, id, cause } of messages) {
    const at = body.occurred_at
    if (seq === undefined) {
      log.warn({ subject }, 'not recorded: without a stream an event has no sequence')
      continue
    }
    // A message that came again meanwhile may stand in one batch twice.
    if (seqs.has(seq)) continue
    seqs.add(seq)
    if (subject === 'events.inventory_adjusted') {
      const { sku, on_hand: counted, ledger_seq } = body
      move(seq, [sku, { ledger_seq, at, counted, on_hand: 0, reserved: 0 }])
      continue
    }
    const { order_id } = body
    const event = { seq, type: subject.slice('events.'.length), order_id, at, data: raw, id, cause }
    byOrder.set(order_id, [...(byOrder.get(order_id) ?? []), event])
  }
  const histories = await everyOne(byOrder, (order, events) =>
    store<History>('history').update(order, (known) => events.reduce(record, known) as History),
  )
  for (const [order, history] of histories) {
    // Only what the history took, so that a repeat moves nothing.
    for (const event of byOrder.get(order) ?? []) {
      if (history.events.some(({ seq }) => seq === event.seq)) for (const made of movesOf(event)) move(event.seq, made)
    }
  }
  const shelves = await everyOne(moves, (sku, made) => {
    made.sort((one, other) => one.seq - other.seq)
    return store<ShelfAccount>('books').update(`sku.${sku}`, (known) => foldShelf(known, made))
  })
  if (seqs.size === 0) return
  await store<Totals>('books').update('totals', (known) => foldTotals(known, { histories, shelves, seqs: [...seqs] }))
}) satisfies Handler<typeof config>

async function everyOne<A, B>(all: Map<string, A>, make: (key: string, one: A) => Promise<B>): Promise<Map<string, B>> {
  return new Map(await Promise.all([...all].map(async ([key, one]) => [key, await make(key, one)] as const)))
}
