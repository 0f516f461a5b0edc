import type { Log } from '../../runtime/types'
import type { Config, Handler } from '../_contracts'
import { books, factsIn, movesOf, newIn, type Page, pagesOf } from './_books'
import { type History, type Recorded, record } from './_history'
import type { Told } from './_shelf'

export const config = {
  mode: 'stream',
  subject: 'events.*',
  queue: 'audit',
  stores: ['history'],
  ledgers: ['books'],
  ordered: true,
  batch: 500,
  // The events of one order come close together: one write for all of them.
  gatherMs: 250,
  // A batch that a dead broker or process had in hand keeps all behind it waiting, and with them who reads a history.
  ackWaitMs: 10_000,
} satisfies Config

/**
 * Audit's own record of the JetStream history, and the books that follow from it. The events of one order in a batch are
 * one write, the books' page of the batch is another one.
 */
export default (async (_, { messages, store, ledger, log }) => {
  const { byOrder, counts, lastSeq } = read(messages, log)
  if (lastSeq === 0) return
  const histories = store<History>('history')
  const recorded = new Map(
    await Promise.all(
      [...byOrder].map(async ([order, events]) => {
        // Before its first event there is no record of an order.
        const guess = events.some(({ type }) => type === 'order_created') ? 'absent' : undefined
        const history = await histories.update(order, (known) => events.reduce(record, known) as History, guess)
        return [order, history] as const
      }),
    ),
  )
  const batch = {
    seq: lastSeq,
    orders: [...recorded].map(([order, history]): Page['orders'][number] => [order, factsIn(history)]),
    moves: [...movesIn(byOrder, recorded, counts)],
  }
  const counted = ledger('books', books)
  for (const page of pagesOf(batch)) {
    await counted.decide(
      (table) => newIn(table, page),
      () => undefined,
    )
  }
}) satisfies Handler<typeof config>

type Messages = Parameters<Handler<typeof config>>[1]['messages']

/** What the batch tells, each event of it once: a link may hand on a message twice. */
function read(messages: Messages, log: Log) {
  const byOrder = new Map<string, Recorded[]>()
  const counts: [sku: string, told: Told][] = []
  const seqs = new Set<number>()
  for (const { subject, body, raw, seq, id, cause } of messages) {
    const at = body.occurred_at
    if (seq === undefined) {
      log.warn({ subject }, 'not recorded: without a stream an event has no sequence')
      continue
    }
    if (seqs.has(seq)) continue
    seqs.add(seq)
    if (subject === 'events.inventory_adjusted') {
      const { sku, on_hand: counted, ledger_seq } = body
      counts.push([sku, { seq, move: { ledger_seq, at, counted, on_hand: 0, reserved: 0 } }])
      continue
    }
    const { order_id } = body
    const event = { seq, type: subject.slice('events.'.length), order_id, at, data: raw, id, cause }
    byOrder.set(order_id, [...(byOrder.get(order_id) ?? []), event])
  }
  return { byOrder, counts, lastSeq: Math.max(0, ...seqs) }
}

/** What moves each shelf: counts, and of the orders' events only what the history took, so that a repeat moves nothing. */
function movesIn(byOrder: Map<string, Recorded[]>, recorded: Map<string, History>, counts: [string, Told][]) {
  const taken = [...byOrder].flatMap(([order, events]) => {
    const seqs = new Set(recorded.get(order)?.events.map(({ seq }) => seq))
    return events.filter(({ seq }) => seqs.has(seq))
  })
  const moves = new Map<string, Told[]>()
  const told = taken.flatMap((event) => movesOf(event).map(([sku, move]) => [sku, { seq: event.seq, move }] as const))
  for (const [sku, one] of [...counts, ...told]) moves.set(sku, [...(moves.get(sku) ?? []), one])
  return moves
}
