import { setTimeout as sleep } from 'node:timers/promises'
import { AckPolicy, connect, type JetStreamManager, type NatsConnection } from 'nats'
import { texts } from '../../functions/notification/_texts'
import { consumerName, covers, isDurable, type Manifest, streamOf } from '../../runtime/manifest'
import type { Bank } from '../../tests/support/bank'
import type { Placed, Tally } from './customer'

/** What is wrong, each with what shows it. */
export interface Verdict {
  /** Answered 201, and not in the stream; or an event or a notification that should be there and is not. */
  lost: string[]
  /** An event of an order, or a notification, that is there twice; a charge or refund made twice. */
  doubled: string[]
  /** Not at an end that it may have, or a message that nobody has done with. */
  stuck: string[]
  /** Stock that is below zero, or not what was on the shelf less what was shipped. */
  oversold: string[]
  /** Laws that the books find broken, and counterparts that never came. */
  unbalanced: string[]
  /** Dead letters, which no run is to leave. */
  buried: string[]
}

interface Options {
  natsUrl: string
  httpUrl: string
  manifest: Manifest
  tally: Tally
  /** What was put on each shelf. */
  shelved: Record<string, number>
  patienceMs: number
  /** Where the money was charged and given back. */
  bank: Pick<Bank, 'entries'>
}

interface Stored {
  type: string
  body: Record<string, unknown>
}

const settledMs = 300
/** Where messages come that nobody can handle. */
export const poisoned = 'events.order_created'

/** Waits until nothing moves any more, then asks the broker itself, the books and the shelves. */
export async function judge(options: Options): Promise<Verdict> {
  const { natsUrl, manifest, tally, patienceMs } = options
  const nc = await connect({ servers: natsUrl.split(','), maxReconnectAttempts: -1 })
  try {
    const jsm = await nc.jetstreamManager()
    const stuck = await quiet(jsm, manifest, patienceMs)
    const events = (await all(nc, jsm, 'EVENTS')).filter(({ body }) => body.poison === undefined)
    const jobs = await all(nc, jsm, 'JOBS')
    const letters = await all(nc, jsm, 'DLQ')
    const verdict: Verdict = {
      lost: [],
      doubled: [],
      stuck,
      oversold: [],
      unbalanced: [],
      buried: letters
        .filter(({ body }) => body.poison === undefined)
        .map(({ type, body }) => `${type}: ${JSON.stringify(body).slice(0, 200)}`),
    }
    await lookAgain(options)
    judgeOrders(verdict, events, tally)
    judgeLedger(verdict, events)
    judgeNotifications(verdict, events, jobs)
    judgeLetters(verdict, letters, options)
    judgeBank(verdict, options, events)
    await judgeBooks(verdict, options, events)
    return verdict
  } finally {
    await nc.close()
  }
}

export const isClean = (verdict: Verdict): boolean => Object.values(verdict).every((found) => found.length === 0)

/** How many of each, in lines. */
export const counts = (verdict: Verdict): string =>
  `lost                ${verdict.lost.length}
doubled             ${verdict.doubled.length}
stuck               ${verdict.stuck.length}
oversold            ${verdict.oversold.length}
unbalanced          ${verdict.unbalanced.length}
dead letters        ${verdict.buried.length}`

/** Resolves once nobody has anything to do and nothing was said meanwhile; with who still has, after so long. */
async function quiet(jsm: JetStreamManager, manifest: Manifest, patienceMs: number): Promise<string[]> {
  const deadline = Date.now() + patienceMs
  const heard = async () => {
    const streams = await Promise.all(Object.keys(manifest.streams).map((name) => jsm.streams.info(name)))
    return streams.map(({ state }) => state.last_seq).join()
  }
  for (;;) {
    const before = await heard()
    const busy: string[] = []
    for (const { name, subject = '' } of manifest.functions.filter(isDurable)) {
      const { stream } = streamOf(manifest, subject) as { stream: string }
      const { num_pending, num_ack_pending } = await jsm.consumers.info(stream, consumerName(name))
      if (num_pending + num_ack_pending > 0) busy.push(`${name}: ${num_pending} pending, ${num_ack_pending} unacked`)
    }
    if (busy.length === 0) {
      await sleep(settledMs)
      if ((await heard()) === before) return []
    }
    if (Date.now() > deadline) return busy
    await sleep(settledMs)
  }
}

async function all(nc: NatsConnection, jsm: JetStreamManager, stream: string): Promise<Stored[]> {
  const { state } = await jsm.streams.info(stream)
  const found: Stored[] = []
  if (state.messages === 0) return found
  const made = await jsm.consumers.add(stream, { ack_policy: AckPolicy.None, inactive_threshold: 60e9 })
  const consumer = await nc.jetstream().consumers.get(stream, made.name)
  const messages = await consumer.consume({ max_messages: 1_000 })
  for await (const message of messages) {
    const type = message.subject.slice(message.subject.indexOf('.') + 1)
    found.push({ type, body: message.json() as Stored['body'] })
    if (message.seq >= state.last_seq) break
  }
  return found
}

/** What becomes of an order is asked once more, since a record may be lost after its customer has looked. */
async function lookAgain({ httpUrl, tally }: Options): Promise<void> {
  const left = [...tally.placed.values()]
  const look = async () => {
    for (let placed = left.pop(); placed; placed = left.pop()) {
      const answer = await fetch(`${httpUrl}/api/v1/orders/${placed.order_id}`)
      const { status = `answered ${answer.status}` } = (await answer.json()) as { status?: string }
      placed.status = String(status)
    }
  }
  await Promise.all(Array.from({ length: looksAtOnce }, look))
}

const looksAtOnce = 16
const causes = ['order_cancel_requested', 'inventory_rejected', 'payment_declined', 'delivery_failed']
const whole = ['order_created', 'inventory_reserved', 'payment_captured', 'delivery_assigned', 'delivery_picked_up']

function judgeOrders({ lost, doubled, stuck }: Verdict, events: Stored[], { placed }: Tally): void {
  const types = new Map<string, string[]>()
  for (const { type, body } of events) {
    const order = String(body.order_id)
    if (type !== 'inventory_adjusted') types.set(order, [...(types.get(order) ?? []), type])
  }
  for (const [order, found] of types) {
    const twice = found.filter((type, index) => found.indexOf(type) !== index)
    if (twice.length > 0) doubled.push(`${order}: ${twice.join(', ')}`)
  }
  for (const order of types.keys()) if (!placed.has(order)) doubled.push(`${order} is an order that nobody was told of`)
  for (const { order_id, ends, status, fate } of placed.values()) {
    const found = types.get(order_id) ?? []
    const wanted = wantedOf(status, fate)
    const missing = wanted.filter((types) => !types.some((type) => found.includes(type)))
    if (missing.length > 0)
      lost.push(`${order_id} (${fate}, ${status}) lacks ${missing.map((types) => types.join(' or ')).join(', ')}`)
    if (!ends.includes(status)) stuck.push(`${order_id} (${fate}) is ${status}, with ${found.join(', ')}`)
  }
}

/** A place in the ledger of the stock is one decision. */
function judgeLedger({ oversold }: Verdict, events: Stored[]): void {
  const decided = new Map<unknown, string>()
  for (const { type, body } of events) {
    if (body.ledger_seq === undefined) continue
    const decision = `${type} ${body.order_id ?? body.sku}`
    const first = decided.get(body.ledger_seq) ?? decision
    if (first !== decision) oversold.push(`decision ${body.ledger_seq} of the ledger is ${first}, and ${decision}`)
    decided.set(body.ledger_seq, first)
  }
}

/** Of each of these one has to be there. */
function wantedOf(status: string, fate: Placed['fate']): string[][] {
  if (status === 'delivered') return [...whole, 'inventory_shipped', 'delivery_completed'].map((type) => [type])
  if (status !== 'cancelled') return [['order_created']]
  const picked =
    fate === 'failed with the goods' ? [['delivery_failed'], ['inventory_shipped', 'inventory_released']] : []
  return [['order_created'], ['order_cancelled'], causes, ...picked]
}

function judgeNotifications({ lost, doubled }: Verdict, events: Stored[], jobs: Stored[]): void {
  const sent = new Map<string, number>()
  for (const { type, body } of jobs) {
    if (type === 'notify_user')
      sent.set(String(body.notification_id), (sent.get(String(body.notification_id)) ?? 0) + 1)
  }
  for (const [id, times] of sent) if (times > 1) doubled.push(`notification ${id}: ${times} times`)
  const due = new Set(
    events.filter(({ type }) => type in texts).map(({ type, body }) => `${type}:${body.order_id}:email`),
  )
  for (const id of due) if (!sent.has(id)) lost.push(`notification ${id}`)
}

/** Of each message that nobody can handle, each function that is handed it leaves one letter. */
function judgeLetters({ lost, doubled }: Verdict, letters: Stored[], { manifest, tally }: Options): void {
  const handed = manifest.functions.filter((entry) => isDurable(entry) && covers(entry.subject ?? '', poisoned))
  for (const { name } of handed) {
    for (const poison of tally.poison) {
      const found = letters.filter(({ type, body }) => type === name.replace('/', '.') && body.poison === poison).length
      if (found === 0) lost.push(`the dead letter of ${name} about message ${poison}`)
      if (found > 1) doubled.push(`the dead letter of ${name} about message ${poison}: ${found} times`)
    }
  }
}

/** What the bank really did, held against what became of the order, and against what was told of it. */
function judgeBank({ doubled, unbalanced }: Verdict, { bank, tally }: Options, events: Stored[]): void {
  const entries = bank.entries()
  const amounts = new Map<unknown, string>()
  for (const { type, body } of events) {
    if (type === 'inventory_reserved') amounts.set(body.order_id, `${body.amount} ${body.currency}`)
  }
  for (const [order, { captures, refunds, conflicts, amount, currency }] of Object.entries(entries)) {
    if (captures > 1 || refunds > 1) doubled.push(`${order} was charged ${captures} and refunded ${refunds} times`)
    if (conflicts > 0) unbalanced.push(`${order} was asked of the bank with other facts, ${conflicts} times`)
    const status = tally.placed.get(order)?.status
    const kept = captures - refunds
    const told = amounts.get(order)
    if (captures > 0 && told !== `${amount} ${currency}`) {
      unbalanced.push(`${order} was charged ${amount} ${currency} for ${told}`)
    }
    if (status === 'delivered' ? kept !== 1 : status === 'cancelled' && kept !== 0) {
      unbalanced.push(`${order} is ${status}, and the bank keeps ${kept} payments for it`)
    }
  }
  for (const [type, count] of [
    ['payment_captured', 'captures'],
    ['payment_refunded', 'refunds'],
  ] as const) {
    const told = events.filter((event) => event.type === type).length
    const done = Object.values(entries).reduce((sum, entry) => sum + entry[count], 0)
    if (told !== done) unbalanced.push(`${told} ${type}, and ${done} at the bank`)
  }
}

interface Books {
  as_of_seq: number
  events: number
  pending: number
  orders: number
  open_orders: number
  captured: number
  refunded: number
  violations: object[]
}

async function judgeBooks(verdict: Verdict, { httpUrl, shelved, tally }: Options, events: Stored[]): Promise<void> {
  const ask = async <T>(path: string) => (await (await fetch(httpUrl + path)).json()) as T
  const books = await ask<Books>('/api/v1/audit/books')
  verdict.unbalanced.push(...(books.violations ?? [books]).map((one) => JSON.stringify(one)))
  if (books.pending) verdict.unbalanced.push(`${books.pending} counterparts are pending`)
  if (books.events !== eventsOfOrders(events))
    verdict.unbalanced.push(`the books hold ${books.events} of ${eventsOfOrders(events)} events`)
  const open = [...tally.placed.values()].filter(({ status }) => !['delivered', 'cancelled'].includes(status)).length
  if (books.open_orders !== open)
    verdict.unbalanced.push(`the books know ${books.open_orders} open orders, not ${open}`)
  const placed = new Set(events.filter(({ type }) => type === 'order_created').map(({ body }) => body.order_id)).size
  if (books.orders !== placed) verdict.unbalanced.push(`the books know ${books.orders} orders, not ${placed}`)
  const sum = (wanted: string) =>
    events.reduce((total, { type, body }) => total + (type === wanted ? Number(body.amount) : 0), 0)
  for (const [name, type] of [
    ['captured', 'payment_captured'],
    ['refunded', 'payment_refunded'],
  ] as const) {
    if (books[name] !== sum(type)) verdict.unbalanced.push(`${name} ${books[name]}, by the stream ${sum(type)}`)
  }
  for (const [sku, pieces] of Object.entries(shelved)) {
    const stock = await ask<{ on_hand: number; reserved: number; available: number }>(`/api/v1/inventory/${sku}`)
    const shipped = shippedOf(events, sku)
    if (stock.available < 0 || stock.on_hand !== pieces - shipped || (open === 0 && stock.reserved !== 0)) {
      verdict.oversold.push(`${sku}: ${JSON.stringify(stock)}, of ${pieces} with ${shipped} shipped`)
    }
  }
}

/** Each event of each order, once. */
const eventsOfOrders = (events: Stored[]): number =>
  new Set(events.flatMap(({ type, body }) => (body.order_id ? [`${type} ${body.order_id}`] : []))).size

function shippedOf(events: Stored[], sku: string): number {
  const orders = new Set<unknown>()
  let pieces = 0
  for (const { type, body } of events) {
    if (type !== 'inventory_shipped' || orders.has(body.order_id)) continue
    orders.add(body.order_id)
    for (const line of body.items as { sku: string; qty: number }[]) if (line.sku === sku) pieces += line.qty
  }
  return pieces
}
