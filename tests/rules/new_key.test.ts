import * as assert from 'uvu/assert'
import { isAhead, isNew, newKey } from '../../functions/order/_new_key'
import { suite } from '../support/suite'

const test = suite('a key made for who has none')
const minute = 60_000
const madeIn = (minutes: number) => newKey().replace(/\d{13}/, String(Date.now() + minutes * minute))

test('is another one each time, and one that a client might have sent', () => {
  const keys = Array.from({ length: 100 }, newKey)
  assert.is(new Set(keys).size, keys.length)
  for (const key of keys) assert.match(key, /^[\x21-\x7e]{1,255}$/)
})

test('is new for less than half of the time for which the broker knows what came of it', () => {
  for (const minutes of [0, -3, 3]) assert.is(isNew(madeIn(minutes)), true, `${minutes} minutes`)
  for (const minutes of [-5, -60, 5, 60]) assert.is(isNew(madeIn(minutes)), false, `${minutes} minutes`)
})

test('is ahead where it would pass for new after the broker has forgotten it', () => {
  for (const minutes of [0, 3, -3, -60]) assert.is(isAhead(madeIn(minutes)), false, `${minutes} minutes`)
  for (const minutes of [5, 60]) assert.is(isAhead(madeIn(minutes)), true, `${minutes} minutes`)
})

test('no other key is either', () => {
  const made = newKey()
  for (const key of [
    '',
    'k',
    'new-',
    `${made} `,
    `x${made}`,
    made.slice(4),
    made.slice(0, -1),
    made.replace('w', 'W'),
  ]) {
    assert.equal([isNew(key), isAhead(key)], [false, false], key)
  }
})

test.run()
