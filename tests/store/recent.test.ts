import * as assert from 'uvu/assert'
import { openRecent } from '../../stores/recent'
import { suite } from '../support/suite'

const test = suite('what was seen last')

test('is bounded by weight: what came first goes first, and what is too heavy is not kept', () => {
  const recent = openRecent<number>(2_000)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('c', 3)
  assert.is(recent.get('a'), 1)
  recent.set('b', 20)
  recent.set('d', 4)
  recent.set('e', 5)
  assert.equal(
    ['a', 'b', 'c', 'd', 'e'].map((key) => recent.get(key)),
    [undefined, 20, 3, 4, 5],
  )
  recent.set('heavy', 6, 5_000)
  assert.is(recent.get('heavy'), undefined)
  assert.is(recent.get('e'), 5)
})

test('forgets after some seconds, when told, and keeps nothing by default', () => {
  const { now } = performance
  try {
    const recent = openRecent<number>(2_000)
    recent.set('a', 1)
    performance.now = () => now.call(performance) + 60_000
    assert.is(recent.get('a'), undefined)
    recent.set('a', 2)
    recent.clear()
    assert.is(recent.get('a'), undefined)
  } finally {
    performance.now = now
  }
  const none = openRecent<number>()
  none.set('a', 1)
  assert.is(none.get('a'), undefined)
})

test.run()
