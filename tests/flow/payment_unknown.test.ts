import * as assert from 'uvu/assert'
import { freePort } from '../../testing/broker'
import { startBank } from '../support/bank'
import { assertBank, openPayingShop } from '../support/paying'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('a payment without an answer')

const soon = { PAYMENT_DEADLINE_MS: '1200' }

test('whose answer was lost is asked again with the same key, and charged once', async () => {
  const { bank, order, reaches } = await openPayingShop()
  bank.next('capture', ['lost', 'stumble', 'silent', 'garbled', 'late', 'hang', 'fail'])
  const ids = await Promise.all(Array.from({ length: 7 }, () => order()))
  await Promise.all(ids.map((id) => reaches(id, 'assigned')))
  assert.ok(bank.asked('capture') >= 14, `${bank.asked('capture')}`)
  assertBank(bank, Object.fromEntries(ids.map((id) => [id, { captures: 1 }])))
})

test('waits while the payment service is away, for longer than handlers may fail, and is paid when it is there', async () => {
  const port = await freePort()
  const { app, order, reaches, status, deadLetters } = await openPayingShop({ PAYMENT_URL: `http://127.0.0.1:${port}` })
  const id = await order()
  await eventually('the payment service to be asked in vain', () => unanswered(app).length >= 3)
  assert.is((await status(id)).status, 'reserved')
  const bank = await startBank({ port })
  await reaches(id, 'assigned')
  assertBank(bank, { [id]: { captures: 1 } })
  assert.equal(await deadLetters(), [])
})

test('is declined after its deadline once the payment service has voided it, and not before', async () => {
  const { bank, order, reaches, status, events, stock, toldOf } = await openPayingShop(soon)
  bank.always('capture', 'hang')
  bank.always('void', 'fail')
  const id = await order({ 'milk-jug': 2 })
  await eventually('the void to be asked for in vain', () => bank.asked('void') >= 2)
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
  assertBank(bank, { [id]: { captures: 0, voided: true } })
  const { inventory_reserved, payment_declined } = await toldOf(id)
  assert.is(payment_declined?.[0]?.reason, 'payment_timeout')
  const waited =
    Date.parse(`${payment_declined?.[0]?.occurred_at}`) - Date.parse(`${inventory_reserved?.[0]?.occurred_at}`)
  assert.ok(waited >= 1_200, `${waited}`)
})

test('goes on after its deadline where the payment service had charged it', async () => {
  const { bank, order, reaches, events } = await openPayingShop(soon)
  bank.always('capture', 'silent')
  const id = await order()
  await reaches(id, 'assigned')
  assert.not.ok((await events(id, ['payment_captured'])).includes('payment_declined'))
  assert.ok(bank.asked('void') > 0)
  assertBank(bank, { [id]: { captures: 1 } })
})

for (const { way, does, undone, entry } of [
  { way: 'hang', does: 'was not charged', undone: [], entry: { captures: 0, voided: true } },
  {
    way: 'silent',
    does: 'was charged',
    undone: ['payment_captured', 'payment_refunded'],
    entry: { captures: 1, refunds: 1 },
  },
] as const) {
  test(`of an order that is cancelled meanwhile and ${does} keeps no money`, async () => {
    const { bank, order, reaches, cancel, events, stock } = await openPayingShop()
    bank.always('capture', way)
    const id = await order({ 'milk-jug': 2 })
    await reaches(id, 'reserved')
    await eventually('the capture to be asked for', () => bank.asked('capture') > 0)
    assert.is((await cancel(id, 'changed my mind')).status, 200)
    await eventually('the bank to be asked', () => bank.asked('void') > 0)
    const types = await events(id, ['inventory_released', ...undone])
    assert.equal(
      types.filter((type) => type.startsWith('payment_')),
      undone,
    )
    assert.is((await stock('milk-jug')).reserved, 0)
    assertBank(bank, { [id]: entry })
  })
}

test('and a cancel at the moment of the deadline: no money is kept, and each order has one end', async () => {
  const { bank, order, reaches, cancel, toldOf } = await openPayingShop(soon)
  bank.next('capture', ['silent', 'late', 'hang', 'silent', 'late', 'hang', 'silent', 'hang'])
  bank.always('capture', 'hang')
  const ids = await Promise.all(Array.from({ length: 8 }, () => order()))
  await eventually('the first void', () => bank.asked('void') > 0)
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

const unanswered = ({ log }: { log(): Record<string, unknown>[] }) =>
  log().filter(({ msg }) => /asked again/.test(String(msg)))

test.run()
