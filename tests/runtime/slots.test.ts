import * as assert from 'uvu/assert'
import { openSlots } from '../../runtime/modes/slots'
import { suite } from '../support/suite'

const test = suite('slots')

/** Work that ends when the test says so. */
function work() {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const one = { began: false, end, run: () => ended }
  one.run = () => {
    one.began = true
    return ended
  }
  return one
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('at most size at once; the others begin in order of arrival', async () => {
  const slots = openSlots(2, 10)
  const all = Array.from({ length: 4 }, work)
  for (const one of all) assert.is(slots.run(one.run), true)
  const began = () => all.map((one) => one.began)
  assert.equal(began(), [true, true, false, false])
  all[1]?.end()
  await turn()
  assert.equal(began(), [true, true, true, false])
  all[0]?.end()
  await turn()
  assert.equal(began(), [true, true, true, true])
})

test('refuses at once where the queue is full, and takes again when there is room', async () => {
  const slots = openSlots(1, 1)
  const [first, second, third] = [work(), work(), work()]
  assert.equal([slots.run(first.run), slots.run(second.run), slots.run(third.run)], [true, true, false])
  first.end()
  await turn()
  assert.is(third.began, false)
  assert.is(slots.run(third.run), true)
})

test('is idle at once where nothing runs, else when the last that waited has ended', async () => {
  const slots = openSlots(1, 5)
  await slots.idle()
  const [first, second] = [work(), work()]
  slots.run(first.run)
  slots.run(second.run)
  let idle = false
  const waiting = slots.idle().then(() => {
    idle = true
  })
  first.end()
  await turn()
  assert.is(idle, false)
  second.end()
  await waiting
})

test.run()
