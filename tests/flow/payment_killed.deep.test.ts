import * as assert from 'uvu/assert'
import { manifestWith } from '../support/manifest'
import { customer } from '../support/orders'
import { assertBank, openPaying, openPayingShop } from '../support/paying'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('a payment whose process ends while it waits for the answer')

const patient = { PAYMENT_TIMEOUT_MS: '20000' }

const ofPayment = (policy: object) =>
  manifestWith((functions) => {
    for (const one of functions) {
      one.policy.ackWaitMs = 1_000
      if (one.name.startsWith('payment/')) Object.assign(one.policy, policy)
    }
  })

test('is charged once and refunded once, though it is killed each time after the bank has done it', async () => {
  const { bank, start, toldOf } = await openPaying(patient, ['--manifest', await ofPayment({})])
  const first = await start()
  bank.next('capture', ['silent'])
  bank.next('refund', ['silent'])
  const id = await customer(first).order()
  await eventually('the bank to have charged', () => bank.entries()[id]?.captures === 1)
  await first.end('SIGKILL')

  const second = await start()
  await customer(second).reaches(id, 'assigned')
  assert.is((await customer(second).cancel(id)).status, 200)
  await eventually('the bank to have refunded', () => bank.entries()[id]?.refunds === 1)
  await second.end('SIGKILL')

  await start()
  await eventually('the refund to be told', async () => (await toldOf(id)).payment_refunded)
  assertBank(bank, { [id]: { captures: 1, refunds: 1 } })
  const { payment_captured, payment_refunded } = await toldOf(id)
  assert.equal([payment_captured?.length, payment_refunded?.length], [1, 1])
})

test('is voided, though it is killed after the bank has voided it', async () => {
  const env = { ...patient, PAYMENT_DEADLINE_MS: '1' }
  const { bank, start } = await openPaying(env, ['--manifest', await ofPayment({})])
  const first = await start()
  bank.next('void', ['silent'])
  const id = await customer(first).order()
  await eventually('the bank to have voided', () => bank.entries()[id]?.voided)
  await first.end('SIGKILL')
  const second = customer(await start())
  assert.is((await second.reaches(id, 'cancelled')).reason, 'payment_timeout')
  assertBank(bank, { [id]: { captures: 0, voided: true } })
})

test('is charged once, though the time of its handler is over again and again', async () => {
  const manifest = await ofPayment({ timeoutMs: 250, backoffMs: [10] })
  const { bank, app, order, reaches, deadLetters } = await openPayingShop(patient, ['--manifest', manifest])
  bank.next('capture', Array(21).fill('silent'))
  const id = await order()
  await reaches(id, 'assigned')
  const late = app.log().filter(({ msg, function: fn }) => fn === 'payment/capture' && /^failed/.test(String(msg)))
  assert.ok(late.length > 20, `${late.length}`)
  assertBank(bank, { [id]: { captures: 1 } })
  assert.equal(await deadLetters(), [])
})

test.run()
