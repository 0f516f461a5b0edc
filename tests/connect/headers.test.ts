import { headers as ofClient } from 'nats'
import * as assert from 'uvu/assert'
import { allOf, encodeHeaders, firstOf, statusOf } from '../../connect/headers'
import { seeded } from '../support/random'
import { suite } from '../support/suite'

const test = suite('headers')

const block = (...lines: string[]) => `NATS/1.0\r\n${lines.join('\r\n')}\r\n\r\n`

test('the first value of each, and all of them', () => {
  const text = block('A: 1', 'B:2', 'A:  3 ', 'C:', 'no colon')
  assert.equal(firstOf(text), { A: '1', B: '2', C: '' })
  assert.equal(allOf(text), { A: ['1', '3'], B: ['2'], C: [''] })
})

test('names that every object has are names as others are', () => {
  const text = block('constructor: a', '__proto__: b', 'toString: c', 'constructor: d')
  const first = firstOf(text)
  assert.equal(Object.entries(first), [
    ['constructor', 'a'],
    ['__proto__', 'b'],
    ['toString', 'c'],
  ])
  assert.equal(Object.entries(allOf(text)), [
    ['constructor', ['a', 'd']],
    ['__proto__', ['b']],
    ['toString', ['c']],
  ])
})

test('a name that none may have throws; one that is empty, and an end that is missing, do not', () => {
  assert.throws(() => firstOf(block('a b: 1')), /not the name of a header/)
  assert.throws(() => firstOf(block('ü: 1')), /not the name of a header/)
  assert.equal(firstOf(block(': 1', 'A: 2')), { '': '1', A: '2' })
  assert.equal(firstOf('NATS/1.0\r\nA: 1'), { A: '1' })
  assert.equal(firstOf(''), {})
})

test('names are told apart that are as long and begin with the same character', () => {
  for (let round = 0; round < 3; round++) {
    assert.equal(firstOf(block('Abcd: 1', 'Abce: 2', 'Abcd: 3')), { Abcd: '1', Abce: '2' })
    assert.throws(() => firstOf(block('Ab d: 1')), /not the name of a header/)
    const long = 'L'.repeat(64 + 4)
    assert.equal(firstOf(block(`${long}: 1`, 'LLLL: 2')), { [long]: '1', LLLL: '2' })
  }
})

test('the status of the server, and of no other line', () => {
  assert.is(statusOf('NATS/1.0 503\r\n\r\n'), 503)
  assert.is(statusOf('NATS/1.0 100 Idle Heartbeat\r\n\r\n'), 100)
  assert.is(statusOf(block('503: x')), 0)
  assert.is(statusOf(''), 0)
})

test('nothing gets into the block by a value or a name', () => {
  for (const value of ['a\r\nB: 1', 'a\nb', 'a\r']) assert.throws(() => encodeHeaders({ A: value }), /line break/)
  for (const name of ['', 'a b', 'a:b', 'a\r\nb']) assert.throws(() => encodeHeaders({ [name]: 'x' }), /header/)
})

test('what is written is what the client would write, and comes back', () =>
  seeded((random) => {
    const names = ['A', 'Nats-Msg-Id', 'traceparent', 'x-y_z', '!#$']
    const values = ['', '1', 'a b', ' padded ', 'Grüße, 你好 👋', 'a: b', 'x'.repeat(500)]
    for (let round = 0; round < 500; round++) {
      const given: Record<string, string[]> = {}
      const theirs = ofClient()
      for (let count = random.whole(1, 6); count > 0; count--) {
        const [name, value] = [random.one(names), random.one(values)]
        given[name] = [...(given[name] ?? []), value]
      }
      for (const [name, all] of Object.entries(given)) for (const value of all) theirs.append(name, value)
      const text = encodeHeaders(given)
      assert.is(text, String(theirs))
      const trimmed = Object.fromEntries(
        Object.entries(given).map(([name, all]) => [name, all.map((one) => one.trim())]),
      )
      assert.equal(allOf(text), trimmed)
    }
  }))

test.run()
