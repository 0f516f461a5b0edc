import * as assert from 'uvu/assert'
import { defaultPolicy } from '../../runtime/manifest'
import { countAttempts } from '../../runtime/modes/attempts'
import type { Delivered } from '../../runtime/nats/pull'
import { suite } from '../support/suite'

const test = suite('a message older than maxAgeMs when it is first handled, since its function was away')

const nothing = () => undefined
const delivered = (storedAt: number, attempt: number): Delivered => ({
  arrived: { subject: 'events.old', data: new Uint8Array(), reply: undefined, headers: () => ({}), status: () => 0 },
  seq: 7,
  attempt,
  storedAt,
  ack: nothing,
  nak: nothing,
  working: nothing,
  term: nothing,
})

const policy = { ...defaultPolicy, maxAgeMs: 60_000, maxDeliver: 3 }
const longAgo = () => Date.now() - 120_000

test('may say later, and is not buried for its age', () => {
  const attempts = countAttempts(policy)
  for (let attempt = 1; attempt <= 20; attempt++) {
    assert.not.ok(attempts.spent(delivered(longAgo(), attempt)) && attempt === 1)
    attempts.later(delivered(longAgo(), attempt))
    assert.not.ok(attempts.tooOld(delivered(longAgo(), attempt)), `at delivery ${attempt}`)
    assert.not.ok(attempts.spent(delivered(longAgo(), attempt + 1)), `before delivery ${attempt + 1}`)
  }
})

test('that kills every process which takes it is buried after maxDeliver all the same', () => {
  assert.not.ok(countAttempts(policy).spent(delivered(longAgo(), 3)))
  assert.ok(countAttempts(policy).spent(delivered(longAgo(), 4)))
})

test.run()
