import * as assert from 'uvu/assert'
import { defaultPolicy } from '../../runtime/manifest'
import { countAttempts } from '../../runtime/modes/attempts'
import type { Delivered } from '../../runtime/nats/pull'
import { suite } from '../support/suite'

const test = suite('attempts')

const none = () => undefined
const delivered = (attempt: number, { seq = 1, ageMs = 0 } = {}): Delivered => ({
  arrived: { subject: 'events.a', data: new Uint8Array(), reply: undefined, headers: () => ({}), status: () => 0 },
  attempt,
  seq,
  storedAt: Date.now() - ageMs,
  ack: none,
  nak: none,
  working: none,
  term: none,
})

const count = (policy: { maxDeliver: number; maxAgeMs?: number }) => countAttempts({ ...defaultPolicy, ...policy })

test('deliveries count, whoever had them', () => {
  const attempts = count({ maxDeliver: 3 })
  assert.is(attempts.of(delivered(1)), 1)
  assert.is(attempts.of(delivered(3)), 3)
  assert.equal(
    [1, 2, 3].map((attempt) => attempts.failed(delivered(attempt))),
    [false, false, true],
  )
})

test('a delivery beyond the last one allowed is spent before it runs, so a message that kills its process ends', () => {
  const attempts = count({ maxDeliver: 3 })
  assert.equal(
    [1, 3, 4].map((attempt) => attempts.spent(delivered(attempt))),
    [false, false, true],
  )
})

test('a delivery that ended in later is no attempt', () => {
  const attempts = count({ maxDeliver: 2 })
  for (let attempt = 1; attempt <= 5; attempt++) {
    assert.is(attempts.spent(delivered(attempt)), false)
    assert.is(attempts.of(delivered(attempt)), 1)
    attempts.later(delivered(attempt))
  }
  assert.is(attempts.failed(delivered(6)), false)
  assert.is(attempts.failed(delivered(7)), true)
})

test('each message is counted for itself, and forgotten once it is done', () => {
  const attempts = count({ maxDeliver: 2 })
  attempts.later(delivered(1, { seq: 1 }))
  assert.is(attempts.of(delivered(2, { seq: 1 })), 1)
  assert.is(attempts.of(delivered(2, { seq: 2 })), 2)
  attempts.forget(delivered(2, { seq: 1 }))
  assert.is(attempts.of(delivered(2, { seq: 1 })), 2)
})

test('with maxAgeMs the failures in this process count, however often another one said later', () => {
  const attempts = count({ maxDeliver: 2, maxAgeMs: 60_000 })
  assert.is(attempts.spent(delivered(500)), false)
  assert.is(attempts.of(delivered(500)), 1)
  assert.is(attempts.failed(delivered(500)), false)
  assert.is(attempts.of(delivered(501)), 2)
  assert.is(attempts.failed(delivered(501)), true)
})

test('with maxAgeMs what is older and came too often is spent, and what is older but new here is not', () => {
  const attempts = count({ maxDeliver: 2, maxAgeMs: 1_000 })
  assert.is(attempts.spent(delivered(3, { ageMs: 2_000 })), true)
  assert.is(attempts.spent(delivered(1, { ageMs: 2_000 })), false)
  assert.is(attempts.tooOld(delivered(1, { ageMs: 2_000 })), true)
  assert.is(attempts.tooOld(delivered(1)), false)
})

test('without maxAgeMs nothing is too old', () => {
  assert.is(count({ maxDeliver: 2 }).tooOld(delivered(1, { ageMs: 1e12 })), false)
})

test('remembers many messages but not without bound', () => {
  const attempts = count({ maxDeliver: 2 })
  for (let seq = 1; seq <= 10_001; seq++) attempts.later(delivered(1, { seq }))
  assert.is(attempts.of(delivered(2, { seq: 10_001 })), 1)
  assert.is(attempts.of(delivered(2, { seq: 1 })), 2)
})

test.run()
