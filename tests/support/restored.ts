import type { JetStreamManager } from 'nats'
import type { App } from './app'
import type { Bank } from './bank'
import { customer } from './orders'
import { recordsOf } from './records'
import { eventually } from './wait'
import type { Heard, Wire } from './wire'

export const sku = 'espresso-beans'
export const shelved = 1_000_000

/** Customers who order, and now and then cancel, until they are told to end. */
export function startCustomers(app: Pick<App, 'url'>, atOnce = 4) {
  const { order, cancel } = customer(app)
  const placed: string[] = []
  let ended = false
  const one = async () => {
    while (!ended) {
      const id = await order({ [sku]: 1 + (placed.length % 3) })
      placed.push(id)
      if (placed.length % 5 === 0) await cancel(id)
    }
  }
  const all = Promise.all(Array.from({ length: atOnce }, one))
  return {
    placed,
    async end() {
      ended = true
      await all
    },
  }
}

const orderOf = ({ body }: Heard) => String((body as { order_id?: string }).order_id)
const typeOf = ({ subject }: Heard) => subject.slice('events.'.length)

/** Waits until nothing is to be done any more; then tells all that is wrong, by broker, records, books, shelf and bank. */
export async function faultsOf(app: Pick<App, 'url'>, wire: Wire, bank: Bank, patienceMs = 30_000): Promise<string[]> {
  const jsm = await wire.nc.jetstreamManager({ timeout: 5_000 })
  const faults: string[] = []
  await idle(jsm, patienceMs).catch((error) => void faults.push(error.message))
  const { send, stock, history, status } = customer(app)
  const events = (await wire.stored('EVENTS')).filter(({ subject }) => subject !== 'events.inventory_adjusted')
  const orders = new Map<string, Heard[]>()
  for (const event of events) orders.set(orderOf(event), [...(orders.get(orderOf(event)) ?? []), event])
  const entries = bank.entries()
  for (const id of Object.keys(await recordsOf(jsm, 'orders'))) {
    if (!orders.has(id)) faults.push(`${id} is a record without an event`)
  }
  for (const [id, found] of orders) {
    const types = found.map(typeOf)
    const ended = (await status(id)).status
    if (!['delivered', 'cancelled'].includes(ended)) faults.push(`${id} is ${ended} for good, with ${types}`)
    // What was emitted again is in the stream again where its id has been forgotten, and is recorded once.
    const first = found.filter((_, index) => types.indexOf(types[index] as string) === index)
    const told = (await history(id)).events?.map(({ seq, type }) => `${seq} ${type}`)
    if (String(told) !== String(first.map((event) => `${event.seq} ${typeOf(event)}`))) {
      faults.push(`${id} has the history ${told}, in the stream ${types}`)
    }
    const { captures = 0, refunds = 0 } = entries[id] ?? {}
    if (captures > 1 || refunds > 1) faults.push(`${id} was charged ${captures} and refunded ${refunds} times`)
    if (captures - refunds !== Number(ended === 'delivered')) {
      faults.push(`${id} is ${ended}, and the bank keeps ${captures - refunds} payments`)
    }
  }
  const shipped = [...orders.values()]
    .flatMap((found) => found.find((event) => typeOf(event) === 'inventory_shipped') ?? [])
    .flatMap(({ body }) => (body as { items: { qty: number }[] }).items)
    .reduce((sum, { qty }) => sum + qty, 0)
  const { on_hand, reserved } = await stock(sku)
  if (on_hand !== shelved - shipped || reserved !== 0) {
    faults.push(`the shelf has ${on_hand} of ${shelved} with ${shipped} shipped, and ${reserved} reserved`)
  }
  const { body: books } = await send('GET', '/api/v1/audit/books')
  if (!books.balanced || books.pending || books.orders !== orders.size)
    faults.push(`the books: ${JSON.stringify(books)}`)
  for (const { subject, headers } of await wire.stored('DLQ')) faults.push(`${subject}: ${JSON.stringify(headers)}`)
  return faults
}

/** No durable has anything to do, and nothing came while all of them were asked. */
async function idle(jsm: JetStreamManager, patienceMs: number): Promise<void> {
  const lastOf = async () => (await jsm.streams.info('EVENTS')).state.last_seq
  await eventually(
    'all messages to be done with',
    async () => {
      const before = await lastOf()
      for (const stream of ['EVENTS', 'JOBS', 'LEDGER_stock']) {
        const consumers = await jsm.consumers.list(stream).next()
        if (consumers.some(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending > 0)) return false
      }
      return (await lastOf()) === before
    },
    patienceMs,
  )
}
