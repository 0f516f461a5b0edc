import * as assert from 'uvu/assert'
import { openGate } from '../../runtime/modes/gate'
import { suite } from '../support/suite'

const test = suite('the gate that every message passes')

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Runs that note when they begin, and end when the test says so. */
function runs() {
  const gate = openGate()
  const began: string[] = []
  const ends = new Map<string, () => void>()
  const work = (name: string) => () => {
    began.push(name)
    return new Promise<void>((resolve) => ends.set(name, resolve))
  }
  const run = async (passing: Parameters<typeof gate.begin>[0], work: () => Promise<void>) => {
    await gate.begin(passing)
    try {
      await work()
    } finally {
      gate.end(passing)
    }
  }
  return {
    began,
    end: async (name: string) => {
      ends.get(name)?.()
      await turn()
    },
    beside: (name: string, { trace = name, asked = false } = {}) => void run({ run: { trace }, asked }, work(name)),
    alone: (name: string) =>
      void gate
        .alone(() => run({ run: { trace: name }, asked: false, isAlone: true }, work(name)))
        .catch(() => undefined),
    gate,
  }
}

test('what runs alone waits until the others have ended, and they until it has', async () => {
  const { began, beside, alone, end } = runs()
  beside('first')
  alone('suspect')
  await turn()
  beside('second')
  await turn()
  assert.equal(began, ['first'])
  await end('first')
  assert.equal(began, ['first', 'suspect'])
  await end('suspect')
  assert.equal(began, ['first', 'suspect', 'second'])
})

test('those that waited begin between two that run alone', async () => {
  const { began, beside, alone, end } = runs()
  alone('one')
  alone('two')
  await turn()
  beside('other')
  await end('one')
  assert.equal(began, ['one', 'other'])
  await end('other')
  assert.equal(began, ['one', 'other', 'two'])
})

test('a request of a trace that is under way passes, one of another does not, nor does a message of the same trace', async () => {
  const { began, beside, alone, end } = runs()
  alone('suspect')
  await turn()
  beside('its question', { trace: 'suspect', asked: true })
  beside('another question', { asked: true })
  beside('a bystander of its trace', { trace: 'suspect' })
  await turn()
  assert.equal(began, ['suspect', 'its question'])
  await end('its question')
  await end('suspect')
  assert.equal(began.slice(2).toSorted(), ['a bystander of its trace', 'another question'])
})

test('one that throws lets the others in', async () => {
  const { began, beside, gate } = runs()
  await gate.alone(() => Promise.reject(new Error('no'))).catch(() => undefined)
  beside('other')
  await turn()
  assert.equal(began, ['other'])
})

test.run()
