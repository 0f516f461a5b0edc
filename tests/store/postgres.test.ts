import * as assert from 'uvu/assert'
import { openTables, type Tables } from '../../stores/postgres/tables'
import { postgresSuite } from '../support/postgres'
import { silent } from '../support/silent'
import { atEnd } from '../support/suite'
import { storePromises } from './promises'

const { test, database } = postgresSuite('the store on a table')

export const counts = {
  counts: {
    key: 'id',
    columns: {
      n: { type: 'integer' as const },
      at: { type: 'time' as const },
      who: { type: 'text' as const, path: 'by.who' },
    },
    indexes: [['who', 'at', 'id']],
  },
}

/** As another process would open it. */
async function open(url: string, tables: object = counts): Promise<Tables> {
  const opened = await openTables({
    manifest: { tables } as never,
    env: { DATABASE_URL: url },
    log: silent,
    selected: [{ stores: Object.keys(tables) }],
    patienceMs: 10_000,
  })
  atEnd(() => opened?.close())
  return opened as Tables
}

const storeAt = async <T>(url: string) => (await open(url)).store<T>('counts', () => 10_000)

storePromises(test, async () => storeAt((await database()).url))

test('columns say what the record says, and nothing where it is of another type', async () => {
  const { url, query } = await database()
  const store = await storeAt<object>(url)
  await store.update('typed', () => ({ n: 7, at: '2026-01-30T12:00:00.123Z', by: { who: "d'Arc" }, more: [1, null] }))
  await store.update('untyped', () => ({ n: '7', at: '2026-02-31T12:00:00.000Z', by: 5 }))
  await store.update('large', () => ({ n: 1e300, at: 'now' }))
  const rows = await query('select id, n::int, at, who, revision::int from counts where id like $1 order by id', [
    '%t%',
  ])
  assert.equal(
    rows.filter(({ id }) => id === 'typed' || id === 'untyped'),
    [
      { id: 'typed', n: 7, at: new Date('2026-01-30T12:00:00.123Z'), who: "d'Arc", revision: 1 },
      { id: 'untyped', n: null, at: null, who: null, revision: 1 },
    ],
  )
})

test.run()
