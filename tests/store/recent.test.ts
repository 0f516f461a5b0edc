import * as assert from 'uvu/assert'
import { openRecent } from '../../stores/recent'
import { suite } from '../support/suite'

const test = suite('what was seen last')

test('is bounded by weight: of what came, at least the last half is there, and what is too heavy is not kept', () => {
  const recent = openRecent<number>(6_000)
  const known = () => keys.filter((key) => recent.get(key) !== undefined)
  const keys = Array.from({ length: 40 }, (_, nth) => `key-${nth}`)
  keys.forEach((key, nth) => {
    recent.set(key, nth)
    assert.is(recent.get(key), nth)
    assert.ok(known().length <= 12, `${known().length} of 500 each`)
    const last = keys.slice(Math.max(0, nth - 5), nth + 1)
    assert.ok(last.every((one) => recent.get(one) !== undefined))
  })
  recent.set('heavy', 6, 5_000)
  assert.is(recent.get('heavy'), undefined)
  assert.is(recent.get('key-39'), 39)
})

test('what was set again or deleted is not found as it was', () => {
  const recent = openRecent<number>(2_000)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('c', 3)
  recent.set('a', 10)
  assert.is(recent.get('a'), 10)
  recent.set('a', 11)
  assert.is(recent.get('a'), 11)
  recent.delete('a')
  assert.is(recent.get('a'), undefined)
  recent.set('c', 4, 600)
  assert.is(recent.get('c'), undefined, 'one that has become too heavy')
})

test('an update weighs once', () => {
  const recent = openRecent<number>(4_000)
  recent.set('a', 1)
  for (let nth = 0; nth < 20; nth++) recent.set('b', nth)
  recent.set('c', 3)
  assert.equal(
    ['a', 'b', 'c'].map((key) => recent.get(key)),
    [1, 19, 3],
  )
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
