import { electionMs } from '../../connect/persist'
import { step } from '../../runtime/failpoint'
import type { Store } from '../../runtime/types'
import { validKey } from '../key'
import type { Recent } from '../recent'
import { nothing, recordStore, type Seen } from '../record'
import type { TableEntry } from './description'
import type { Pool } from './pool'
import { fromStored, storedText, toStored } from './text'

interface Options {
  entry: TableEntry
  /** Milliseconds that the caller has. */
  left(): number
  recent: Recent<Seen>
}

/** Records in a table, each changed by one statement: no transaction is ever open while somebody thinks. */
export function tableStore<T>(pool: Pool, table: string, { entry, left, recent }: Options): Store<T> {
  const key = `"${entry.key}"`
  const columns = { [entry.key]: 'text', ...Object.fromEntries(Object.entries(entry.columns).map(typeOf)) }
  const run = (text: string, values: (string | number)[]) => pool.run(text, values, Math.min(electionMs, left()))

  const select = `select revision, writes, record::text as record from "${table}" where ${key} = $1`
  const insert = `insert into "${table}" (${key}, revision, writes, record) values ($1, 1, $2, $3::text::jsonb)
    on conflict do nothing returning revision`
  // By its writes, too: a standby that took over before it had all counts the revisions that it lacks once more.
  const update = `update "${table}" set revision = revision + 1, writes = $2, record = $3::text::jsonb, changed_at = now()
    where ${key} = $1 and revision = $4 and writes = $5 returning revision`

  /** Quoted, since it goes into the statement; what is no column of the description never does. */
  const column = (name: string) => {
    if (!Object.hasOwn(columns, name)) throw new Error(`${table} has no column ${name}`)
    return `"${name}"`
  }

  const shelf = {
    async read(id: string) {
      const [row] = await run(select, [validKey(id)])
      if (!row) return nothing
      return {
        revision: Number(row.revision),
        text: fromStored(row.record as string),
        writes: (row.writes as string).split(' '),
      }
    },

    async write(id: string, { text, writes }: { text: string; writes: string[] }, seen: Seen) {
      const values = [validKey(id), writes.join(' '), toStored(text)]
      const rows = await step(`store ${table}`, () =>
        seen.revision === 0 ? run(insert, values) : run(update, [...values, seen.revision, seen.writes.join(' ')]),
      )
      return rows[0] && Number(rows[0].revision)
    },
  }

  return {
    ...recordStore<T>(table, shelf, recent),

    async newest({ where: [name, value], by, before, limit }) {
      const [whose, when] = [column(name), column(by)]
      const older = before
        ? `and (${when}, ${key}) < ($3::${columns[by] === 'time' ? 'text::timestamptz' : 'text'}, $4)`
        : ''
      const rows = await run(
        `select record::text as record from "${table}" where ${whose} = $1 and ${when} is not null ${older}
         order by ${when} desc, ${key} desc limit $2`,
        [storedText(value), limit, ...(before ?? [])],
      )
      return rows.map(({ record }) => JSON.parse(fromStored(record as string)) as T)
    },
  }
}

const typeOf = ([name, { type }]: [string, { type: string }]): [string, string] => [name, type]
