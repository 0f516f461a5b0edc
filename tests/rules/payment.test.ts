import * as assert from 'uvu/assert'
import {
  cancel,
  capturedEvent,
  declinedEvent,
  isOpen,
  open,
  owes,
  type Payment,
  refund,
  refundedEvent,
  settle,
} from '../../functions/payment/_payment'
import { provider } from '../../functions/payment/_provider'
import { suite } from '../support/suite'

const test = suite('the record of a payment')

const who = { order_id: 'ABCDEFGHJKMNPQRSTVWXYZ0123', user_id: 'u-1' }
const due = { ...who, amount: 4_200, currency: 'EUR' }
const at = (second: number) => `2026-01-30T12:00:0${second}.000Z`

/** Each step as its handler takes it; the nth in the nth second. */
const steps = {
  open: (known: Payment | undefined) => open(known, due),
  capture: (known, second) => known && settle(known, { captured: { payment_id: 'card-1', at: at(second) } }),
  decline: (known, second) => known && settle(known, { declined: { at: at(second) } }),
  cancel: (known) => cancel(known, who),
  refund: (known, second) => known && refund(known, at(second)),
} satisfies Record<string, (known: Payment | undefined, second: number) => Payment | undefined>

type Step = keyof typeof steps

const follow = (path: Step[]) =>
  path.reduce<Payment | undefined>((known, step, second) => steps[step](known, second), undefined) as Payment

/** Every way through, and what the record says then: is it open, and which events does it tell. */
const ways: { path: Step[]; open: boolean; tells: string }[] = [
  { path: ['open'], open: true, tells: '' },
  { path: ['open', 'capture'], open: false, tells: 'captured' },
  { path: ['open', 'decline'], open: false, tells: 'declined' },
  { path: ['open', 'refund'], open: true, tells: '' },
  { path: ['open', 'cancel'], open: true, tells: '' },
  { path: ['open', 'cancel', 'capture'], open: false, tells: 'captured' },
  { path: ['open', 'cancel', 'capture', 'refund'], open: false, tells: 'captured refunded' },
  { path: ['open', 'capture', 'cancel'], open: false, tells: 'captured' },
  { path: ['open', 'capture', 'cancel', 'refund'], open: false, tells: 'captured refunded' },
  { path: ['open', 'decline', 'cancel', 'refund'], open: false, tells: 'declined' },
  { path: ['cancel'], open: false, tells: '' },
  { path: ['cancel', 'open'], open: true, tells: '' },
  { path: ['cancel', 'open', 'capture'], open: false, tells: 'captured' },
  { path: ['cancel', 'open', 'capture', 'refund'], open: false, tells: 'captured refunded' },
  { path: ['cancel', 'open', 'decline', 'refund'], open: false, tells: 'declined' },
]

for (const { path, open: stillOpen, tells } of ways) {
  test(`${path.join(', ')}: ${stillOpen ? 'open' : 'settled'}, tells ${tells || 'nothing'}`, () => {
    const payment = follow(path)
    assert.is(isOpen(payment), stillOpen)
    assert.is(
      told(payment)
        .map(([name]) => name)
        .join(' '),
      tells,
    )
  })

  test(`${path.join(', ')}: every step again changes nothing`, () => {
    const payment = follow(path)
    for (const step of new Set(path)) assert.is(steps[step](payment, 9), payment, step)
  })
}

function told(payment: Payment) {
  const events = {
    captured: capturedEvent(payment),
    declined: declinedEvent(payment),
    refunded: refundedEvent(payment),
  }
  return Object.entries(events).filter(([, event]) => event !== undefined)
}

test('a settled payment is not settled otherwise', () => {
  const captured = follow(['open', 'capture'])
  assert.is(steps.decline(captured, 9), captured)
  const declined = follow(['open', 'decline'])
  assert.is(steps.capture(declined, 9), declined)
})

test('money is owed from the later of capture and cancel until it is refunded', () => {
  const owed = ways.filter(({ path }) => owes(follow(path))).map(({ path }) => path.join(', '))
  assert.equal(owed, ['open, cancel, capture', 'open, capture, cancel', 'cancel, open, capture'])
})

test('the events carry the time of their step, and what was asked for', () => {
  const money = { ...who, payment_id: 'card-1', amount: 4_200, currency: 'EUR' }
  const refunded = follow(['open', 'capture', 'cancel', 'refund'])
  assert.equal(capturedEvent(refunded), { ...money, occurred_at: at(1) })
  assert.equal(refundedEvent(refunded), { ...money, occurred_at: at(3) })
  const reason = 'payment_declined'
  assert.equal(declinedEvent(follow(['open', 'decline'])), { ...who, occurred_at: at(1), reason })
})

test('an order that costs nothing is a payment too', () => {
  const payment = open(undefined, { ...due, amount: 0 })
  assert.is(isOpen(payment), true)
})

test('the simulated card declines above PAYMENT_LIMIT alone, and answers the same again', async () => {
  process.env.PAYMENT_LIMIT = '5000'
  for (const [amount, kind] of [
    [0, 'captured'],
    [5_000, 'captured'],
    [5_001, 'declined'],
  ] as const) {
    const answer = await provider.capture({ key: 'k', amount, currency: 'USD' })
    assert.is(answer.kind, kind, String(amount))
    assert.equal(await provider.capture({ key: 'k', amount, currency: 'USD' }), answer)
  }
})

test.run()
