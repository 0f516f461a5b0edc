import * as assert from 'uvu/assert'
import { assertBank, openPayingShop } from '../support/paying'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('a refund')

test('that fails is tried until it is done, once, and shown until then', async () => {
  const { bank, app, order, reaches, cancel, events } = await openPayingShop()
  bank.always('refund', 'fail')
  const id = await order()
  await reaches(id, 'assigned')
  assert.is((await cancel(id)).status, 200)
  const warnings = () => app.log().filter(({ msg }) => /refund is not confirmed/.test(String(msg)))
  await eventually('two warnings', () => warnings().length === 2)
  assert.not.ok((await events(id, ['order_cancelled'])).includes('payment_refunded'))
  bank.next('refund', ['lost'])
  bank.always('refund')
  const types = await events(id, ['payment_refunded'])
  assert.is(types.filter((type) => type === 'payment_refunded').length, 1)
  assert.is(warnings().length, 3)
  for (const { level, order, function: fn } of warnings()) {
    assert.equal({ level, order, fn }, { level: 'warn', order: id, fn: 'payment/refund' })
  }
  assertBank(bank, { [id]: { captures: 1, refunds: 1 } })
  assert.is(bank.asked('refund'), 4)
  assert.is(await app.end(), 0)
})

test('of a charge whose answer was lost before the cancel: the charge is told before the money is back', async () => {
  const { bank, app, order, reaches, cancel, events, send } = await openPayingShop({ BOOKS_GRACE_MS: '0' })
  bank.always('capture', 'lost')
  bank.always('refund', 'fail')
  const id = await order()
  await eventually('the bank to be asked', () => bank.asked('capture', id) > 0)
  await reaches(id, 'reserved')
  assert.is((await cancel(id)).status, 200)
  const types = await events(id, ['order_cancelled', 'payment_captured'])
  assert.not.ok(types.includes('payment_refunded'))
  await eventually('the books to miss the money', async () => {
    const { violations } = (await send('GET', '/api/v1/audit/books')).body as { violations: { law: string }[] }
    return violations.some(({ law }) => law === 'cancelled_is_refunded')
  })
  bank.always('refund')
  await events(id, ['payment_refunded'])
  assertBank(bank, { [id]: { captures: 1, refunds: 1 } })
  assert.is(await app.end(), 0)
})

test.run()
