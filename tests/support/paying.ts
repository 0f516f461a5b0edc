import * as assert from 'uvu/assert'
import { startApp } from './app'
import { type Bank, startBank } from './bank'
import type { Entry } from './bank_ledger'
import { type Broker, startBroker } from './broker'
import { customer } from './orders'
import { openWire, type Wire } from './wire'

/** The bodies of an order's events, by type. */
type Told = Record<string, Record<string, unknown>[]>

interface Paying {
  broker: Broker
  bank: Bank
  /** All that the stream holds about an order. */
  toldOf(order: string): Promise<Told>
  deadLetters(): Promise<unknown[]>
  /** The app, as often as wanted, on the same broker and bank. */
  start(): Promise<Awaited<ReturnType<typeof startApp>>>
}

/** A broker and a bank, and the app that pays there; the bank's silence is taken for one after 400 ms. */
export async function openPaying(
  env: Record<string, string> = {},
  args: string[] = [],
  wrong?: Parameters<typeof startBank>[0],
): Promise<Paying> {
  const [broker, bank] = await Promise.all([startBroker(), startBank(wrong)])
  const all = { PAYMENT_URL: bank.url, PAYMENT_TIMEOUT_MS: '400', RPC_TIMEOUT_MS: '20000', ...env }
  const wire = await openWire(broker)
  return {
    broker,
    bank,
    start: () => startApp(broker, { args, env: all }),
    deadLetters: () => wire.stored('DLQ'),
    toldOf: await readingEvents(wire),
  }
}

/** Reads what the stream holds, each message once however often it is asked. */
async function readingEvents({ nc }: Wire): Promise<Paying['toldOf']> {
  const { streams } = await nc.jetstreamManager()
  const orders = new Map<unknown, Told>()
  let read = 0
  const catchUp = async () => {
    const { state } = await streams.info('EVENTS')
    while (read < state.last_seq) {
      const message = await streams.getMessage('EVENTS', { seq: ++read })
      const body = message.json<Record<string, unknown>>()
      const told = orders.get(body.order_id) ?? {}
      const type = message.subject.replace('events.', '')
      orders.set(body.order_id, { ...told, [type]: [...(told[type] ?? []), body] })
    }
  }
  let reading = Promise.resolve()
  return async (order) => {
    reading = reading.then(catchUp)
    await reading
    return orders.get(order) ?? {}
  }
}

/** As `openPaying`, with the app running and a customer at it. */
export async function openPayingShop(...options: Parameters<typeof openPaying>) {
  const { start, ...rest } = await openPaying(...options)
  const app = await start()
  return { ...rest, app, ...customer(app) }
}

/** What the bank did with each of these orders; what is not named did not happen. */
export function assertBank(bank: Bank, wanted: Record<string, Partial<Entry>>): void {
  const entries = bank.entries()
  for (const [key, facts] of Object.entries(wanted)) {
    const { captures, refunds, voided, conflicts } = entries[key] ?? ({} as Partial<Entry>)
    const nothing = { captures: 0, refunds: 0, voided: false, conflicts: 0 }
    assert.equal({ captures, refunds, voided, conflicts }, { ...nothing, ...facts }, key)
  }
}
