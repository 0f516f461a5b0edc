import * as assert from 'uvu/assert'
import type { Store } from '../../runtime/types'
import type { suite } from '../support/suite'

interface Count {
  n: number
}

const oddTexts = [
  '',
  '\u0000',
  'a\u0000b\u0000',
  '\\u0000',
  '\\',
  '\\\u0000',
  '\u001a',
  '\u001a0000',
  '\u001a\u0000',
  '\ud800',
  '\udc00\ud800',
  'x\ud83d',
  '\ud83d\ude00',
  '"\'`$1;--',
  '\r\n\t\u007f\ufffe\uffff',
  'ÄßЖ\u0301',
]
const oddRecords = [
  ...oddTexts.map((text) => ({ text, nested: [{ [`key ${text}`]: text }] })),
  { numbers: [0, -1, 1.5, 1e21, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1], others: [null, true, [], {}] },
  JSON.parse('{"__proto__":{"x":1},"constructor":"c"}'),
  'text alone \u0000',
  7,
  [],
]

// Of all stores that are tried, since they may share a bucket.
let keys = 0

/** What every store keeps, whatever is under it; `open` connects once more, as another process would. */
export function storePromises(test: ReturnType<typeof suite>, open: () => Promise<Store<Count>>): void {
  const freshKey = () => `promise/${++keys}`
  let shared: Promise<Store<Count>> | undefined
  const opened = () => {
    shared ??= open()
    return shared
  }
  const add = ({ n }: Count = { n: 0 }) => ({ n: n + 1 })

  test('an absent key holds nothing', async () => {
    const store = await opened()
    const key = freshKey()
    assert.is(await store.get(key), undefined)
    const known: unknown[] = []
    await store.update(key, (found) => {
      known.push(found)
      return found
    })
    assert.equal(known, [undefined])
    assert.is(await store.get(key), undefined)
  })

  test('a change is given what the one before it stored, and its result is returned and read', async () => {
    const store = await opened()
    const key = freshKey()
    for (const n of [1, 2, 3]) {
      assert.equal(await store.update(key, add), { n })
      assert.equal(await store.get(key), { n })
    }
  })

  test('a guess that there is nothing is no more than one', async () => {
    const store = await opened()
    const key = freshKey()
    assert.equal(await store.update(key, add, 'absent'), { n: 1 })
    const other = await open()
    assert.equal(await other.update(key, add, 'absent'), { n: 2 })
    assert.equal(await other.update(key, (known) => known, 'absent'), { n: 2 })
    const refused = other.update(
      key,
      (known) => {
        if (!known) throw new Error('there is nothing')
        return known
      },
      'absent',
    )
    assert.equal(await refused, { n: 2 })
    assert.equal(await store.get(key), { n: 2 })
  })

  test('a change that throws changes nothing', async () => {
    const store = await opened()
    const key = freshKey()
    await store.update(key, add)
    const thrown = new Error('no')
    try {
      await store.update(key, () => {
        throw thrown
      })
      assert.unreachable('it was stored')
    } catch (error) {
      assert.is(error, thrown)
    }
    assert.equal(await store.get(key), { n: 1 })
  })

  test('a change that returns its argument writes nothing', async () => {
    const [store, other] = [await opened(), await open()]
    const key = freshKey()
    await store.update(key, add)
    // Had the other one written while this one looked, this one would have been asked again.
    let asked = 0
    await store.update(key, (known) => {
      asked++
      return known
    })
    assert.equal(await other.get(key), { n: 1 })
    assert.is(asked, 1)
  })

  test('a change that returns nothing for a record is a fault and changes nothing', async () => {
    const store = await opened()
    const key = freshKey()
    await store.update(key, add)
    try {
      await store.update(key, () => undefined)
      assert.unreachable('it was stored')
    } catch (error) {
      assert.match((error as Error).message, 'returned nothing for a record')
    }
    assert.equal(await store.get(key), { n: 1 })
  })

  test('no update is lost among 20 writers on 4 connections', async () => {
    const stores = await Promise.all([opened(), open(), open(), open()])
    const key = freshKey()
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        const mine: number[] = []
        for (let round = 0; round < 5; round++) {
          mine.push((await (stores[writer % 4] as Store<Count>).update(key, add)).n)
        }
        return mine
      }),
    )
    assert.equal(await (await opened()).get(key), { n: 100 })
    assert.is(new Set(results.flat()).size, 100)
    for (const mine of results) {
      assert.equal(
        mine,
        mine.toSorted((one, next) => one - next),
      )
    }
  })

  test('what one connection has written every other reads at once', async () => {
    const [one, other] = [await opened(), await open()]
    const key = freshKey()
    for (let n = 1; n <= 50; n++) {
      await one.update(key, add)
      assert.equal(await other.get(key), { n })
    }
  })

  test('whatever JSON holds comes back as it was', async () => {
    const [store, other] = [await opened(), await open()] as unknown as Store<unknown>[]
    for (const record of oddRecords) {
      const key = freshKey()
      await store?.update(key, () => record)
      assert.equal(await other?.get(key), record)
      // Known again, so that a change which leaves it as it is writes nothing.
      await other?.update(key, (known) => ({ known, more: 1 }))
      assert.equal(await store?.get(key), { known: record, more: 1 })
    }
  })

  test('records do not touch each other', async () => {
    const store = await opened()
    const mine = Array.from({ length: 20 }, freshKey)
    await Promise.all(mine.map((key, index) => store.update(key, () => ({ n: index }))))
    assert.equal(
      await Promise.all(mine.map((key) => store.get(key))),
      mine.map((_, n) => ({ n })),
    )
  })

  for (const key of ['', ' ', 'a b', '.a', 'a.', 'a..b', 'a*', 'a.>', 'ä', 'a\r\nPUB x 0', '$a']) {
    test(`${JSON.stringify(key)} is no key`, async () => {
      const store = await opened()
      for (const use of [() => store.get(key), () => store.update(key, add)]) {
        try {
          await use()
          assert.unreachable('it was taken')
        } catch (error) {
          assert.match((error as Error).message, 'not a key of a store')
        }
      }
    })
  }
}
