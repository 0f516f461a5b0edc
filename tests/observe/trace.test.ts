import * as assert from 'uvu/assert'
import { nextTraceparent, sampleNew, traceId } from '../../observe/trace'
import { suite } from '../support/suite'

const test = suite('the trace context')

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'
const form = /^00-(?!0+-)[0-9a-f]{32}-(?!0+-)[0-9a-f]{16}-[0-9a-f]{2}$/

test('the next hop has the same trace and flags, and a parent of its own', () => {
  for (const flags of ['00', '01']) {
    const next = nextTraceparent(`00-${trace}-${parent}-${flags}`)
    assert.match(next, form)
    assert.is(traceId(next), trace)
    assert.not.match(next, parent)
    assert.is(next.slice(-2), flags)
  }
})

for (const [what, incoming] of [
  ['nothing', undefined],
  ['an empty header', ''],
  ['no trace context', 'from somewhere'],
  ['a version that is not known', `ff-${trace}-${parent}-01`],
  ['capital letters', `00-${trace.toUpperCase()}-${parent}-01`],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${parent}-01`],
  ['a parent of zeros', `00-${trace}-${'0'.repeat(16)}-01`],
  ['more than there is room for', `00-${trace}-${parent}-01-more`],
] as const) {
  test(`a new trace where ${what} came`, () => {
    const next = nextTraceparent(incoming)
    assert.match(next, form)
    assert.is.not(traceId(next), trace)
    assert.is.not(traceId(next), traceId(nextTraceparent(incoming)))
    assert.is(next.slice(-2), '00')
  })
}

test('a new trace is sampled where spans are exported', () => {
  sampleNew()
  assert.is(nextTraceparent().slice(-2), '01')
  assert.is(nextTraceparent(`00-${trace}-${parent}-00`).slice(-2), '00')
})

test.run()
