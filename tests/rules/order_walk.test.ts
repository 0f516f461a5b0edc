import * as assert from 'uvu/assert'
import { suite } from '../support/suite'
import { takeClock } from '../walk/clock'
import { walk, waysThrough } from '../walk/explore'
import { takeOutside } from '../walk/outside'
import { scenarios } from '../walk/scenarios'
import { table } from '../walk/table'

const test = suite('every order in which things can happen to an order')

takeClock()
takeOutside()

for (const scenario of scenarios) {
  test(`${scenario.name}: the laws hold in every state, all that was sent is handled, and everything ends`, async () => {
    const walked = await walk(scenario)
    console.log(`\n${table([walked])}`)
    assert.ok(walked.depth >= 10, `only ${walked.depth} moves deep`)
    assert.ok(walked.interleavings > 1n)
  })
}

test('interleavings are the ways through, counted once each', () => {
  // A diamond with a tail: two ways to 3, one of them past 4.
  assert.equal(waysThrough([[1, 2], [3], [3, 4], [5], [3], []]), { interleavings: 3n, depth: 4 })
  assert.throws(() => waysThrough([[1], [0]]), /lead back to themselves/)
})

test.run()
