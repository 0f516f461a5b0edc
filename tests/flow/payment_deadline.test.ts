import * as assert from 'uvu/assert'
import { assertBank, openPayingShop } from '../support/paying'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('a payment past its deadline')

const deadlineMs = 500
const shop = openPayingShop({ PAYMENT_DEADLINE_MS: String(deadlineMs) })

test('is declined once the payment service has voided it, and not before', async () => {
  const { bank, order, reaches, status, events, stock, toldOf } = await shop
  bank.always('capture', 'hang')
  bank.always('void', 'fail')
  const id = await order({ 'milk-jug': 2 })
  await eventually('the void to be asked for in vain', () => bank.asked('void', id) >= 2)
  assert.is((await status(id)).status, 'reserved')
  bank.always('void')
  const { reason, cancelled_by } = await reaches(id, 'cancelled')
  assert.equal({ reason, cancelled_by }, { reason: 'payment_timeout', cancelled_by: 'system' })
  assert.equal(await events(id, ['inventory_released']), [
    'inventory_released',
    'inventory_reserved',
    'order_cancelled',
    'order_created',
    'payment_declined',
  ])
  assert.is((await stock('milk-jug')).reserved, 0)
  assertBank(bank, { [id]: { voided: true } })
  const { inventory_reserved, payment_declined } = await toldOf(id)
  assert.is(payment_declined?.[0]?.reason, 'payment_timeout')
  const waited =
    Date.parse(`${payment_declined?.[0]?.occurred_at}`) - Date.parse(`${inventory_reserved?.[0]?.occurred_at}`)
  assert.ok(waited >= deadlineMs, `${waited}`)
})

test('goes on where the payment service had charged it', async () => {
  const { bank, order, reaches, events } = await shop
  bank.always('capture', 'silent')
  const id = await order()
  await reaches(id, 'assigned')
  assert.not.ok((await events(id, ['payment_captured'])).includes('payment_declined'))
  assert.ok(bank.asked('void', id) > 0)
  assertBank(bank, { [id]: { captures: 1 } })
})

test('and a cancel at the same moment: no money is kept, and each order has one end', async () => {
  const { bank, order, reaches, cancel, toldOf } = await shop
  bank.next('capture', ['silent', 'late', 'hang', 'silent', 'late', 'hang', 'silent', 'hang'])
  bank.always('capture', 'hang')
  const ids = await Promise.all(Array.from({ length: 8 }, () => order()))
  await eventually('the first void', () => ids.some((id) => bank.asked('void', id) > 0))
  await Promise.all(ids.map((id) => cancel(id)))
  for (const id of ids) {
    await reaches(id, 'cancelled')
    const told = await eventually(`order ${id} to be undone`, async () => {
      const told = await toldOf(id)
      const undone = told.inventory_released && (!told.payment_captured || told.payment_refunded)
      return undone && (bank.entries()[id]?.captures === 0 || told.payment_captured) ? told : undefined
    })
    assert.not.ok(told.payment_captured && told.payment_declined, id)
    const { captures, refunds } = bank.entries()[id] ?? {}
    assert.is(refunds, captures, id)
  }
})

test.run()
