import type { Log } from '../../runtime/types'
import type { Config, Handler } from '../_contracts'
import { fold as foldTotals, movesOf, type Page, type Totals } from './_books'
import { type History, type Recorded, record } from './_history'
import { fold as foldShelf, type ShelfAccount, type Told } from './_shelf'

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
 * What is new although its place has been passed (redriven, or replayed ahead of its turn) is told by the history.
 */
export default (async (_, { messages, store, log }) => {
  const { byOrder, moves, seqs } = read(messages, log)
  if (seqs.length === 0) return
  const totals = store<Totals>('books')
  const passed = (await totals.get('totals'))?.seq ?? 0
  const late: Page['late'] = new Map()
  const histories = await everyOne(byOrder, async (order, events) => {
    let before: History = { events: [] }
    const history = await store<History>('history').update(order, (known) => {
      before = known ?? { events: [] }
      return events.reduce(record, known) as History
    })
    const taken = (from: History, { seq }: Recorded) => from.events.some((one) => one.seq === seq)
    // Only what the history took, so that a repeat moves nothing.
    for (const event of events.filter((one) => taken(history, one))) {
      const isLate = event.seq <= passed && !taken(before, event)
      if (isLate) late.set(order, { before, count: (late.get(order)?.count ?? 0) + 1 })
      for (const [sku, move] of movesOf(event)) noteMove(moves, sku, { seq: event.seq, move, late: isLate })
    }
    return history
  })
  const shelves = await everyOne(moves, (sku, told) => {
    told.sort((one, other) => one.seq - other.seq)
    return store<ShelfAccount>('books').update(`sku.${sku}`, (known) => foldShelf(known, told))
  })
  await totals.update('totals', (known) => foldTotals(known, { histories, shelves, seqs, late }))
}) satisfies Handler<typeof config>

type Messages = Parameters<Handler<typeof config>>[1]['messages']

/** What the batch tells, each event of it once: a link may hand on a message twice. */
function read(messages: Messages, log: Log) {
  const byOrder = new Map<string, Recorded[]>()
  const moves = new Map<string, Told[]>()
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
      // A count that is known already changes nothing, wherever it stands.
      noteMove(moves, sku, { seq, move: { ledger_seq, at, counted, on_hand: 0, reserved: 0 }, late: true })
      continue
    }
    const { order_id } = body
    const event = { seq, type: subject.slice('events.'.length), order_id, at, data: raw, id, cause }
    byOrder.set(order_id, [...(byOrder.get(order_id) ?? []), event])
  }
  return { byOrder, moves, seqs: [...seqs].sort((one, other) => one - other) }
}

const noteMove = (moves: Map<string, Told[]>, sku: string, told: Told) =>
  void moves.set(sku, [...(moves.get(sku) ?? []), told])

async function everyOne<A, B>(all: Map<string, A>, make: (key: string, one: A) => Promise<B>): Promise<Map<string, B>> {
  return new Map(await Promise.all([...all].map(async ([key, one]) => [key, await make(key, one)] as const)))
}
