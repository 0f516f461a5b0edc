import * as assert from 'uvu/assert'
import { startApp } from './app'
import { type Bank, startBank } from './bank'
import type { Entry } from './bank_ledger'
import { type Broker, startBroker } from './broker'
import { customer } from './orders'
import { openWire } from './wire'

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

/** A broker and a bank, and the app that pays there; the bank's silence is taken for one after 150 ms. */
export async function openPaying(env: Record<string, string> = {}, args: string[] = []): Promise<Paying> {
  const [broker, bank] = await Promise.all([startBroker(), startBank()])
  const all = { PAYMENT_URL: bank.url, PAYMENT_TIMEOUT_MS: '150', ...env }
  const wire = await openWire(broker)
  return {
    broker,
    bank,
    start: () => startApp(broker, { args, env: all }),
    deadLetters: () => wire.stored('DLQ'),
    async toldOf(order) {
      const told: Told = {}
      for (const { subject, body } of await wire.stored('EVENTS')) {
        const event = body as Record<string, unknown>
        const type = subject.replace('events.', '')
        if (event.order_id === order) told[type] = [...(told[type] ?? []), event]
      }
      return told
    },
  }
}

/** As `openPaying`, with the app running and a customer at it. */
export async function openPayingShop(env?: Record<string, string>, args?: string[]) {
  const { start, ...rest } = await openPaying(env, args)
  const app = await start()
  return { ...rest, app, ...customer(app) }
}

/** What the bank did with each order, as `captures 1, refunds 0`; nothing else may stand in its ledger. */
export function assertBank(bank: Bank, wanted: Record<string, Partial<Entry>>): void {
  const entries = bank.entries()
  assert.equal(Object.keys(entries).toSorted(), Object.keys(wanted).toSorted())
  for (const [key, facts] of Object.entries(wanted)) {
    const { captures, refunds, voided, conflicts } = entries[key] as Entry
    assert.equal({ captures, refunds, voided, conflicts }, { conflicts: 0, voided: false, refunds: 0, ...facts }, key)
  }
}
