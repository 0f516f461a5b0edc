import * as assert from 'uvu/assert'
import { postgresSuite } from '../support/postgres'
import { counts, openAt, storeAt } from '../support/tables'
import { storePromises } from './promises'

const { test, database } = postgresSuite('the store on a table')

storePromises(test, async () => storeAt((await database()).url))

test('columns say what the record says, and nothing where it is of another type', async () => {
  const { url, query } = await database()
  const store = await storeAt<object>(url)
  const at = '2026-01-30T12:00:00.123Z'
  await store.update('typed', () => ({ n: 7, at, by: { who: "d'Arc" }, more: [1, null] }))
  await store.update('untyped', () => ({ n: '7', at: '2026-02-31T12:00:00.000Z', by: 5 }))
  await store.update('untyped', () => ({ n: 1e300, at: 'now', by: null, ended: false }))
  await store.update('list', () => [7])
  const rows = await query(
    "select id, n::int, at, who, stage, revision::int from counts where id in ('typed', 'untyped', 'list') order by id",
  )
  assert.equal(rows, [
    { id: 'list', n: null, at: null, who: null, stage: 'new', revision: 1 },
    { id: 'typed', n: 7, at: new Date(at), who: "d'Arc", stage: 'begun', revision: 1 },
    { id: 'untyped', n: null, at: null, who: null, stage: 'over', revision: 2 },
  ])
})

test('the newest of a value come by time and then by key, page after page', async () => {
  const store = await storeAt<{ at: string; id: number }>((await database()).url)
  const who = "\u0000'\ud800"
  const made = Array.from({ length: 25 }, (_, index) => ({
    at: `2026-01-30T12:00:0${Math.floor(index / 5)}.000Z`,
    id: index,
    by: { who },
  }))
  await Promise.all(made.map((one) => store.update(`newest/${String(one.id).padStart(2, '0')}`, () => one)))
  await store.update('newest/timeless', () => ({ at: '', id: 99, by: { who } }))
  const seen: number[] = []
  let before: [string, string] | undefined
  for (;;) {
    const page = (await store.newest?.({ where: ['who', who], by: 'at', before, limit: 4 })) ?? []
    seen.push(...page.map(({ id }) => id))
    const last = page.at(-1)
    if (!last) break
    before = [last.at, `newest/${String(last.id).padStart(2, '0')}`]
  }
  assert.equal(seen, made.map(({ id }) => id).reverse())
  assert.equal(await store.newest?.({ where: ['who', 'nobody'], by: 'at', limit: 4 }), [])
})

test('a column that the table does not have is a fault, and goes into no statement', async () => {
  const store = await storeAt((await database()).url)
  const asked = store.newest?.({ where: ['who" = who or "who', 'x'], by: 'at', limit: 1 })
  assert.match(String(await asked?.catch((error) => error)), 'counts has no column')
})

test('eight that begin at once on an empty database make it once', async () => {
  const { another } = await database()
  const url = await another()
  const opened = await Promise.all(Array.from({ length: 8 }, () => openAt(url)))
  const add = ({ n } = { n: 0 }) => ({ n: n + 1 })
  await Promise.all(opened.map((tables) => tables.store<{ n: number }>('counts', () => 10_000).update('begun', add)))
  assert.equal(await opened[0]?.store('counts', () => 10_000).get('begun'), { n: 8 })
  const { query } = await connected(url)
  const [row] = await query(
    'select count(*)::int as steps, count(distinct xmin::text)::int as by from runtime_migrations',
  )
  assert.equal(row, { steps: 8, by: 1 })
})

test('a later version adds its columns to what is there, also for writers of the version before', async () => {
  const { another } = await database()
  const url = await another()
  const old = (await openAt(url)).store<object>('counts', () => 10_000)
  await old.update('one', () => ({ n: 1, price: 5, due: { at: '2026-01-30T12:00:00.000Z' } }))
  const { counts: known } = counts
  const { stage: _, ...columns } = known.columns
  const later = {
    ...known,
    columns: {
      ...columns,
      m: { type: 'text', path: 'n' },
      price: { type: 'integer' },
      due: { type: 'time', path: 'due.at' },
    },
    indexes: [...known.indexes, ['price']],
  }
  await Promise.all([openAt(url, { tables: { counts: later } }), openAt(url, { tables: { counts: later } })])
  await old.update('two', () => ({ n: 'many', price: 6 }))
  const { query } = await connected(url)
  assert.equal(await query('select id, m, price::int, due, stage from counts order by id'), [
    { id: 'one', m: null, price: 5, due: new Date('2026-01-30T12:00:00.000Z'), stage: 'new' },
    { id: 'two', m: 'many', price: 6, due: null, stage: 'new' },
  ])
  // What is noted is not done again.
  await openAt(url, { tables: { counts: later } })
  const [row] = await query("select count(*)::int as steps from runtime_migrations where name like 'counts%'")
  assert.equal(row, { steps: 10 })
})

test('a column that is described otherwise is refused, and neither it nor its index is touched', async () => {
  const { another } = await database()
  const url = await another()
  await openAt(url)
  const { query } = await connected(url)
  const made = () => query("select indexname from pg_indexes where tablename = 'counts' order by 1")
  const before = await made()
  const at = { type: 'time', path: 'made.at' }
  const changed = { counts: { ...counts.counts, columns: { ...counts.counts.columns, at } } }
  const refused = await openAt(url, { tables: changed }).catch((error) => error)
  assert.match(String(refused), /DATABASE_URL: counts\.at was made by another description, .*; give it a new name/)
  assert.equal(await made(), before)
  await openAt(url)
})

test('what another writer wrote is kept though the revisions are counted anew, as by a standby that lacked the last', async () => {
  const { url, query } = await database()
  const [one, other] = [await storeAt<string[]>(url), await storeAt<string[]>(url)]
  const by =
    (name: string) =>
    (known: string[] = []) => [...known, name]
  await one.update('anew', by('one'))
  const [row] = await query("select revision::text, writes, record::text from counts where id = 'anew'")
  await one.update('anew', by('lost with the primary'))
  await query("update counts set revision = $1::bigint, writes = $2, record = $3::text::jsonb where id = 'anew'", [
    String(row?.revision),
    String(row?.writes),
    String(row?.record),
  ])
  await other.update('anew', by('other'))
  // What is seen already is decided anew as well.
  assert.equal(await one.update('anew', (known = []) => known), ['one', 'other'])
  await other.update('anew', by('third'))
  assert.equal(await one.update('anew', by('last')), ['one', 'other', 'third', 'last'])
})

/** A client that knows nothing of the stores. */
async function connected(url: string) {
  const { default: postgres } = await import('postgres')
  const sql = postgres(url, { max: 1, idle_timeout: 1, onnotice: () => {} })
  return { query: async (text: string) => [...(await sql.unsafe(text))] }
}

test.run()
