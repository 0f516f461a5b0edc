import * as assert from 'uvu/assert'
import { freePort } from '../../testing/broker'
import { startBank } from '../support/bank'
import { assertBank, openPayingShop } from '../support/paying'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('a payment without an answer')
const shop = openPayingShop()

test('whose answer was lost is asked again with the same key, and charged once', async () => {
  const { bank, order, reaches } = await shop
  bank.next('capture', ['lost', 'stumble', 'silent', 'garbled', 'late', 'hang', 'fail'])
  const ids = await Promise.all(Array.from({ length: 7 }, () => order()))
  await Promise.all(ids.map((id) => reaches(id, 'assigned')))
  assert.ok(bank.asked('capture') >= 14, `${bank.asked('capture')}`)
  assert.equal(Object.keys(bank.entries()).toSorted(), ids.toSorted())
  assertBank(bank, Object.fromEntries(ids.map((id) => [id, { captures: 1 }])))
})

test('waits while the payment service is away, and is paid when it is there', async () => {
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

for (const { way, does, undone, entry } of [
  { way: 'hang', does: 'was not charged', undone: [], entry: { voided: true } },
  {
    way: 'silent',
    does: 'was charged',
    undone: ['payment_captured', 'payment_refunded'],
    entry: { captures: 1, refunds: 1 },
  },
] as const) {
  test(`of an order that is cancelled meanwhile and ${does} keeps no money`, async () => {
    const { bank, order, reaches, cancel, events, stock } = await shop
    bank.always('capture', way)
    const id = await order({ 'milk-jug': 2 })
    await reaches(id, 'reserved')
    await eventually('the capture to be asked for', () => bank.asked('capture', id) > 0)
    assert.is((await cancel(id, 'changed my mind')).status, 200)
    await eventually('the void to be asked for', () => bank.asked('void', id) > 0)
    const types = await events(id, ['inventory_released', ...undone])
    assert.equal(
      types.filter((type) => type.startsWith('payment_')),
      undone,
    )
    assert.is((await stock('milk-jug')).reserved, 0)
    assertBank(bank, { [id]: entry })
  })
}

const unanswered = ({ log }: { log(): Record<string, unknown>[] }) =>
  log().filter(({ msg }) => /asked again/.test(String(msg)))

test.run()
