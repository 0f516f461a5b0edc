import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { customer } from '../support/orders'
import { suite } from '../support/suite'

const test = suite('what can fail, and how it is made good')
const broker = startBroker()
const shop = broker.then((broker) => startApp(broker)).then(customer)

test('goods that are not there cancel the order, and no line of it stays held', async () => {
  const { order, shelve, reaches, events, stock } = await shop
  await shelve('scarce', 3)
  await shelve('plenty', 100)
  const id = await order({ plenty: 5, scarce: 4 })
  const { reason, cancelled_by } = await reaches(id, 'cancelled')
  assert.equal({ reason, cancelled_by }, { reason: 'out_of_stock', cancelled_by: 'system' })
  assert.equal(await events(id, ['order_cancelled']), ['inventory_rejected', 'order_cancelled', 'order_created'])
  assert.is((await stock('plenty')).available, 100)
  assert.is((await stock('scarce')).available, 3)
})

test('a SKU that nobody knows cancels the order', async () => {
  const { order, reaches } = await shop
  const id = await order({ 'no-such-thing': 1 })
  assert.is((await reaches(id, 'cancelled')).reason, 'unknown_sku')
})

test('a declined card cancels the order and gives the goods back', async () => {
  const { order, shelve, reaches, events, stock } = await shop
  await shelve('dear', 10, 1_000_001)
  const id = await order({ dear: 1 })
  assert.is((await reaches(id, 'cancelled')).reason, 'payment_declined')
  assert.equal(await events(id, ['inventory_released']), [
    'inventory_released',
    'inventory_reserved',
    'order_cancelled',
    'order_created',
    'payment_declined',
  ])
  assert.equal(pick(await stock('dear')), { on_hand: 10, reserved: 0, available: 10 })
})

test('a payment at the limit is taken', async () => {
  const { order, shelve, reaches } = await shop
  await shelve('just-payable', 10, 1_000_000)
  await reaches(await order({ 'just-payable': 1 }), 'assigned')
})

test('a delivery that fails before the pick-up gives goods and money back', async () => {
  const { order, shelve, reaches, report, events, stock, history } = await shop
  await shelve('kettle', 10, 2_500)
  const id = await order({ kettle: 2 })
  await reaches(id, 'assigned')
  assert.is((await report(id, 'failed')).status, 200)
  assert.is((await reaches(id, 'cancelled')).reason, 'delivery_failed')
  await events(id, ['inventory_released', 'payment_refunded'])
  assert.equal(pick(await stock('kettle')), { on_hand: 10, reserved: 0, available: 10 })
  const { events: told } = await history(id)
  assert.is(told.find(({ type }) => type === 'payment_refunded')?.data.amount, 5_000)
  assert.is(told.find(({ type }) => type === 'order_cancelled')?.data.dispatched, false)
})

test('a delivery that fails on the way gives the money back, and the goods are gone from the shelf', async () => {
  const { order, shelve, reaches, report, events, stock, history } = await shop
  await shelve('teapot', 10, 2_500)
  const id = await order({ teapot: 2 })
  await reaches(id, 'assigned')
  assert.is((await report(id, 'picked_up')).status, 200)
  assert.is((await report(id, 'failed')).status, 200)
  await reaches(id, 'cancelled')
  const types = await events(id, ['inventory_shipped', 'payment_refunded'])
  assert.not.ok(types.includes('inventory_released'))
  assert.equal(pick(await stock('teapot')), { on_hand: 8, reserved: 0, available: 8 })
  const { events: told } = await history(id)
  assert.is(told.find(({ type }) => type === 'order_cancelled')?.data.dispatched, true)
})

test('without a courier the order is cancelled, the goods released and the money refunded', async () => {
  const lone = customer(await startApp(await startBroker(), { env: { COURIERS: '0' } }))
  const id = await lone.order({ 'moka-pot': 1 })
  assert.is((await lone.reaches(id, 'cancelled')).reason, 'no_courier')
  assert.equal(await lone.events(id, ['inventory_released', 'payment_refunded']), [
    'delivery_failed',
    'inventory_released',
    'inventory_reserved',
    'order_cancelled',
    'order_created',
    'payment_captured',
    'payment_refunded',
  ])
})

test('sixteen customers for five pieces: five get one, and none is sold twice', async () => {
  const { order, shelve, status, stock } = await shop
  await shelve('last-five', 5)
  const ids = await Promise.all(Array.from({ length: 16 }, () => order({ 'last-five': 1 })))
  const ended = async (id: string): Promise<string> => {
    const { status: now } = await status(id)
    return now === 'assigned' || now === 'cancelled' ? now : ended(id)
  }
  const fates = await Promise.all(ids.map(ended))
  assert.is(fates.filter((fate) => fate === 'assigned').length, 5)
  assert.equal(pick(await stock('last-five')), { on_hand: 5, reserved: 5, available: 0 })
})

const pick = ({ on_hand, reserved, available }: Record<string, unknown>) => ({ on_hand, reserved, available })

test.run()
