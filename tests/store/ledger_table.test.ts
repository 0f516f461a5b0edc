import * as assert from 'uvu/assert'
import type { Pages } from '../../stores/ledger_pages'
import { memoryOver } from '../../stores/ledger_table'
import { suite } from '../support/suite'

const test = suite('what is remembered of the table of a ledger')

/** Pages that hold all that was written, as many decisions as they are told, and are read when the test says so. */
function pagesOf(written: Map<string, string>, lately: number) {
  let decisions = 0
  let tell = () => {}
  const pages: Pick<Pages<string>, 'position' | 'mayHold' | 'read'> = {
    get position() {
      return { seq: decisions, operation: '', decisions }
    },
    mayHold: (key) => written.has(key),
    read: (key) => {
      const value = written.get(key)
      return new Promise((resolve) => {
        tell = () => resolve(value)
      })
    },
  }
  return {
    memory: memoryOver(pages as Pages<string>, lately),
    upTo(last: number) {
      decisions = last
    },
    tell: () => tell(),
  }
}

test('what the pages hold and nobody used during the last changes is forgotten, the rest is not', () => {
  const written = new Map([1, 2, 3, 4, 5, 6].map((n) => [`key ${n}`, `value ${n}`]))
  const { memory, upTo } = pagesOf(written, 3)
  for (const [key, value] of written) memory.set(key, value, Number(key.slice(4)))
  memory.get('key 1')
  upTo(5)
  memory.forget()
  const known = [...written.keys()].filter((key) => memory.get(key) !== undefined)
  assert.equal(known, ['key 1', 'key 4', 'key 5', 'key 6'])
  assert.equal(memory.missed(), ['key 2', 'key 3'])
  assert.is(memory.fresh(), 1)
  assert.equal(memory.unwritten(), [['key 6', 'value 6']])
})

test('what is in no page is remembered, however long nobody used it', () => {
  const { memory, upTo } = pagesOf(new Map(), 0)
  memory.set('key 1', 'value 1', 10)
  for (let at = 11; at < 100; at++) memory.set('key 2', 'value 2', at)
  upTo(9)
  memory.forget()
  assert.is(memory.get('key 1'), 'value 1')
})

test('a page that was read before a newer value was written and forgotten does not bring the old one back', async () => {
  const written = new Map([['key', 'old']])
  const { memory, upTo, tell } = pagesOf(written, 0)
  assert.is(memory.get('key'), undefined)
  const loading = memory.load(memory.missed())
  memory.set('key', 'new', 1)
  written.set('key', 'new')
  upTo(1)
  memory.forget()
  tell()
  assert.is((await loading).size, 0)
  assert.is(memory.get('key'), undefined)
  const again = memory.load(memory.missed())
  tell()
  await again
  assert.is(memory.get('key'), 'new')
})

test.run()
