import * as assert from 'uvu/assert'
import { lives, order_id, type Step, step, told } from '../rules/order_lives'
import { type App, startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { httpClient } from '../support/http_client'
import { impatient } from '../support/manifest'
import { openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('/api/v1/audit/books')

interface Books {
  balanced: boolean
  as_of_seq: number
  orders: number
  open_orders: number
  events: number
  pending: number
  captured: number
  refunded: number
  violations: { law: string; order_id?: string; sku?: string }[]
}

const books = async ({ url }: Pick<App, 'url'>) =>
  (await httpClient(url)('GET', '/api/v1/audit/books')).body as unknown as Books

test('an empty shop balances', async () => {
  const { app } = await openShop({ args: ['--only', 'gateway,audit'] })
  assert.equal(await books(app), {
    balanced: true,
    as_of_seq: 0,
    events: 0,
    orders: 0,
    open_orders: 0,
    pending: 0,
    captured: 0,
    refunded: 0,
    violations: [],
  })
})

test('a real shop balances after every fate, and tells what it took and gave back', async () => {
  const { app, send, order, reaches } = await openShop({ env: { BOOKS_GRACE_MS: '0', PAYMENT_LIMIT: '500000' } })
  const report = (id: string, status: string) => send('POST', `/api/v1/deliveries/${id}/status`, { body: { status } })
  const [gone, failed, cancelled, open] = [await order(), await order(), await order(), await order()]
  const none = await order({ items: [{ sku: 'espresso-machine', qty: 99 }] })
  const dear = await order({ items: [{ sku: 'espresso-beans', qty: 500 }] })
  for (const id of [gone, failed, cancelled, open]) await reaches(id, 'assigned')
  for (const status of ['picked_up', 'delivered']) await report(gone, status)
  for (const status of ['picked_up', 'failed']) await report(failed, status)
  await send('POST', `/api/v1/orders/${cancelled}/cancel`)
  for (const id of [failed, none, dear]) await reaches(id, 'cancelled')
  const found = await eventually('the books to balance with two refunds', async () => {
    const read = await books(app)
    return read.balanced && read.refunded === read.captured / 2 ? read : undefined
  })
  const { violations, pending, orders, open_orders } = found
  assert.equal({ violations, pending, orders, open_orders }, { violations: [], pending: 0, orders: 6, open_orders: 1 })
  const price = (await send('GET', '/api/v1/inventory/espresso-beans')).body as { unit_price: number }
  assert.is(found.captured, 4 * price.unit_price)
})

const planted: [what: string, steps: Step[], law: string][] = [
  ['a hold without an order', [step('inventory_reserved')], 'hold_has_order'],
  [
    'a capture twice',
    [...(lives.delivered as Step[]), step('payment_captured', { payment_id: 'p-2' })],
    'captured_once',
  ],
  ['a refund without a capture', [step('order_created'), step('payment_refunded')], 'refunded_has_capture'],
  ['two final statuses', [...(lives.delivered as Step[]), step('order_cancelled')], 'one_final_status'],
  ['a release that never comes', (lives.declined as Step[]).slice(0, -1), 'cancelled_hold_is_closed'],
  ['a refund that never comes', (lives['cancelled when paid'] as Step[]).slice(0, -1), 'cancelled_is_refunded'],
]

test('what was planted into the stream is found, each by its law, by processes of which one is killed', async () => {
  const broker = await startBroker()
  const options = { args: ['--only', 'gateway,audit', '--manifest', await impatient()], env: { BOOKS_GRACE_MS: '0' } }
  const killed = await startApp(broker, options)
  const wire = await openWire(broker)
  const names = planted.map((_, index) => String(index).repeat(26))
  // One of each in turn, so that the kill finds all of them half told.
  const longest = Math.max(...planted.map(([, steps]) => steps.length))
  const steps = Array.from({ length: longest }, (_, turn) =>
    planted.flatMap(([, steps], index) => {
      const { type, body } = steps[turn] ?? {}
      return type ? [{ type, body: { ...body, order_id: names[index], ...own(body, index) } }] : []
    }),
  ).flat()
  const all = told([...steps, step('order_created', {}, order_id), oversold])
  for (const [index, { subject, body }] of all.entries()) {
    await wire.store(subject, body)
    if (index !== all.length >> 1) continue
    await eventually('half of it to be read', async () => (await books(killed)).as_of_seq === index + 1)
    await killed.end('SIGKILL')
  }
  const app = await startApp(broker, options)
  const found = await eventually('the rest to be read', async () => {
    const read = await books(app)
    return read.as_of_seq === all.length ? read : undefined
  })
  assert.is(found.events, all.length - 1, 'all but the count of the shelf')
  assert.is(found.balanced, false)
  for (const [index, [what, , law]] of planted.entries()) {
    const broken = found.violations.filter((one) => one.order_id === names[index]).map((one) => one.law)
    assert.ok(broken.includes(law), `${what}: ${broken}`)
  }
  const short = found.violations.filter(({ law }) => law === 'available_not_below_zero').map(({ sku }) => sku)
  assert.ok(short.includes('moka-pot'), `11 of 10: ${short}`)
})

/** Goods of its own for each order, so that one shortage is seen apart. */
function own(body: Step['body'] = {}, index: number): object {
  const items = body.items as { sku: string }[] | undefined
  return items ? { items: items.map((line) => ({ ...line, sku: `sku-${index}` })) } : {}
}
const oversold = step('inventory_reserved', { items: [{ sku: 'moka-pot', qty: 11, unit_price: 1 }], ledger_seq: 99 })

test('what is still awaited is pending for its grace', async () => {
  const { broker, app } = await openShop({ args: ['--only', 'gateway,audit'], env: { BOOKS_GRACE_MS: '86400000' } })
  const wire = await openWire(broker)
  const created = { ...step('order_created').body, occurred_at: new Date().toISOString() }
  await wire.store('events.order_created', created)
  await wire.store('events.inventory_rejected', {
    ...step('inventory_rejected').body,
    occurred_at: created.occurred_at,
  })
  await eventually('the counterpart to be awaited', async () => (await books(app)).pending === 1)
  assert.is((await books(app)).balanced, true)
  await wire.store('events.order_cancelled', { ...step('order_cancelled').body, occurred_at: created.occurred_at })
  await eventually('nothing to be awaited', async () => (await books(app)).pending === 0)
})

test.run()
