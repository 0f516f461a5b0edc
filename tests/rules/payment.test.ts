import * as assert from 'uvu/assert'
import { answerTo, pauseMs } from '../../functions/payment/_patience'
import {
  cancel,
  capturedEvent,
  declinedEvent,
  isOpen,
  open,
  owes,
  type Payment,
  questionTo,
  refund,
  refundedEvent,
  settle,
} from '../../functions/payment/_payment'
import { suite } from '../support/suite'

const test = suite('the record of a payment')

const who = { order_id: 'ABCDEFGHJKMNPQRSTVWXYZ0123', user_id: 'u-1' }
const due = { ...who, amount: 4_200, currency: 'EUR' }
const at = (second: number) => `2026-01-30T12:00:0${second}.000Z`

/** Each step as its handler takes it; the nth in the nth second. */
const steps = {
  open: (known: Payment | undefined) => open(known, due),
  capture: (known, second) => known && settle(known, { kind: 'captured', payment_id: 'card-1' }, at(second)),
  decline: (known, second) => known && settle(known, { kind: 'declined' }, at(second)),
  void: (known, second) => known && settle(known, { kind: 'voided' }, at(second)),
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
  { path: ['open', 'void'], open: false, tells: 'declined' },
  { path: ['open', 'void', 'cancel', 'refund'], open: false, tells: 'declined' },
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

const settled: Step[][] = [
  ['open', 'capture'],
  ['open', 'decline'],
  ['open', 'void'],
]

for (const path of settled) {
  test(`${path.join(', ')}: another answer that comes later changes nothing`, () => {
    const payment = follow(path)
    for (const later of ['capture', 'decline', 'void'] as const) assert.is(steps[later](payment, 9), payment, later)
  })
}

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

test('a decline tells why', () => {
  const why = (path: Step[]) => declinedEvent(follow(path))?.reason
  assert.is(why(['open', 'decline']), 'payment_declined')
  assert.is(why(['open', 'void']), 'payment_timeout')
  assert.is(why(['open', 'void', 'cancel']), 'payment_timeout')
})

const deadline = 1_000
for (const { path, now, asks } of [
  { path: ['open'], now: 0, asks: 'capture' },
  { path: ['open'], now: 999, asks: 'capture' },
  { path: ['open'], now: 1_000, asks: 'void' },
  { path: ['open'], now: 9_999_999, asks: 'void' },
  { path: ['open', 'cancel'], now: 0, asks: 'void' },
  { path: ['open', 'cancel'], now: 1_000, asks: 'void' },
] satisfies { path: Step[]; now: number; asks: string }[]) {
  test(`${path.join(', ')}: at ${now} of ${deadline} ms the provider is asked to ${asks}`, () => {
    assert.is(questionTo(follow(path), deadline, now), asks)
  })
}

for (const { waited, left, pause } of [
  { waited: 0, left: 900_000, pause: 500 },
  { waited: -5_000, left: 900_000, pause: 500 },
  { waited: 700, left: 900_000, pause: 700 },
  { waited: 8_000, left: 900_000, pause: 8_000 },
  { waited: 40_000, left: 900_000, pause: 30_000 },
  { waited: 700, left: 200, pause: 200 },
  { waited: 700, left: 0, pause: 700 },
  { waited: 700, left: -1, pause: 700 },
  { waited: 86_400_000, left: -1, pause: 30_000 },
  { waited: 700, left: undefined, pause: 700 },
]) {
  test(`after ${waited} ms in vain and ${left ?? 'ever so many'} before the deadline it pauses for ${pause} ms`, () => {
    const now = 1_700_000_000_000
    assert.is(pauseMs(now - waited, now, left === undefined ? undefined : now + left), pause)
  })
}

for (const { waited, level } of [
  { waited: 1_000, level: 'warn' },
  { waited: 14 * 60_000, level: 'warn' },
  { waited: 16 * 60_000, level: 'error' },
]) {
  test(`a call without an answer is told as ${level} after ${waited} ms, and comes again`, async () => {
    const told: string[] = []
    const note = (level: string) => () => void told.push(level)
    const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
    const again = new Error('again')
    const later = (): never => {
      throw again
    }
    const since = new Date(Date.now() - waited).toISOString()
    const call = answerTo(Promise.reject(new Error('silence')), 'asked again', { order: 'o', since, log, later })
    assert.is(await call.catch((thrown) => thrown), again)
    assert.equal(told, [level])
  })
}

test.run()
