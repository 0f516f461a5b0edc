import { configuration } from '../../runtime/errors'
import type { Column, TableEntry } from './description'
import type { Pool } from './pool'

/** One step of making the database what is described; noted by its name once it is done, and done again where it differs. */
interface Step {
  name: string
  statement: string
  /** What goes before it where the noted one differs: nothing but what follows from the records. */
  undo?: string
}

export const migrations = 'runtime_migrations'
const oldest = 120_000
// Of all processes that make tables in this database one does at a time.
const lock = 'select pg_advisory_xact_lock(7309453, 1)'

/** Makes what is missing, once however many processes begin at the same time; with `bindOnly` it says what that is. */
export async function migrate(pool: Pool, tables: [string, TableEntry][], bindOnly: boolean): Promise<void> {
  await requireServer(pool)
  const steps = [time, ...tables.flatMap(([table, entry]) => stepsOf(table, entry))]
  // Where nothing is missing no right is needed but to read and to write.
  const missing = pending(steps, await noted(pool.run)).map(({ name }) => name)
  if (missing.length === 0) return
  if (bindOnly) {
    throw configuration(
      `DATABASE_URL: ${pool.where} lacks ${missing.join(', ')}, and --bind-only makes nothing; run node runtime provision`,
    )
  }
  await pool.together(async (run) => {
    await run(lock)
    await run(`create table if not exists ${migrations} (
      name text primary key, statement text not null, done_at timestamptz not null default now())`)
    for (const { name, statement, undo, known } of pending(steps, await noted(run))) {
      if (known && undo) await run(undo)
      await run(statement)
      await run(
        `insert into ${migrations} (name, statement) values ($1, $2)
         on conflict (name) do update set statement = excluded.statement, done_at = now()`,
        [name, statement],
      )
    }
  })
}

/** One line, where we may not do what the stores do. */
export async function requireRights(pool: Pool, tables: string[]): Promise<void> {
  for (const table of tables) {
    for (const right of ['select', 'insert', 'update']) {
      const [row] = await pool.run('select has_table_privilege($1, $2) as given', [table, right])
      if (!row?.given) throw configuration(`DATABASE_URL: ${pool.where} has no right to ${right} in ${table}`)
    }
  }
}

async function requireServer(pool: Pool): Promise<void> {
  const [row] = await pool.run(
    `select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
       pg_is_in_recovery() as standby`,
  )
  if (Number(row?.version) < oldest) throw configuration('DATABASE_URL: PostgreSQL 12 or newer is needed')
  if (row?.encoding !== 'UTF8') {
    throw configuration(`DATABASE_URL: the database has the encoding ${row?.encoding}; UTF8 is needed`)
  }
}

type Noted = Map<string, string>

async function noted(run: (text: string, values?: string[]) => Promise<Record<string, unknown>[]>): Promise<Noted> {
  const [there] = await run('select to_regclass($1) is not null as made', [migrations])
  if (!there?.made) return new Map()
  return new Map((await run(`select name, statement from ${migrations}`)).map(entryOf))
}

const entryOf = ({ name, statement }: Record<string, unknown>): [string, string] => [String(name), String(statement)]

const pending = (steps: Step[], known: Noted) =>
  steps
    .filter(({ name, statement }) => known.get(name) !== statement)
    .map((step) => ({ ...step, known: known.has(step.name) }))

// A cast of text to a time depends on settings of the session, and no column may; what is no time is none.
const time: Step = {
  name: 'runtime_time',
  statement: `create or replace function runtime_time(given text) returns timestamptz
language plpgsql immutable parallel safe as $$
begin
  if given !~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' then return null; end if;
  return make_timestamp(substr(given, 1, 4)::int, substr(given, 6, 2)::int, substr(given, 9, 2)::int,
    substr(given, 12, 2)::int, substr(given, 15, 2)::int, substr(given, 18, 6)::float8) at time zone 'UTC';
exception when others then
  return null;
end $$`,
}

function stepsOf(table: string, { key, columns, indexes = [] }: TableEntry): Step[] {
  const made: Step = {
    name: table,
    statement: `create table if not exists "${table}" (
  "${key}" text collate "C" primary key,
  revision bigint not null,
  writes text not null,
  changed_at timestamptz not null default now(),
  record jsonb not null)`,
  }
  const added = Object.entries(columns).map(([name, column]) => ({
    name: `${table}.${name}`,
    statement: `alter table "${table}" add column "${name}" ${kinds[column.type]}
  generated always as (${columnOf(name, column)}) stored`,
    undo: `alter table "${table}" drop column if exists "${name}" cascade`,
  }))
  const indexed = indexes.map((names) => ({
    name: `${table}(${names})`,
    statement: `create index if not exists "${table}_by_${names.join('_')}"
  on "${table}" (${names.map((name) => `"${name}"`)})`,
  }))
  return [made, ...added, ...indexed]
}

const kinds = { text: 'text', integer: 'bigint', time: 'timestamptz' }

/** What stands at its path, if it is of its type; the record has it in any case. */
function columnOf(name: string, { type, path = name, first, otherwise }: Column): string {
  if (first) {
    const cases = first.map(([at, word]) => `when ${valueAt(at)} is not null then '${word}'`)
    return `case ${cases.join(' ')} ${otherwise ? `else '${otherwise}' ` : ''}end`
  }
  const value = valueAt(path)
  const text = value.replace('#>', '#>>')
  if (type === 'time') return `runtime_time(${text})`
  if (type === 'text') return `case when jsonb_typeof(${value}) = 'string' then ${text} end`
  return `case when jsonb_typeof(${value}) = 'number' and ${text} ~ '^-?\\d{1,18}$' then (${text})::bigint end`
}

const valueAt = (path: string): string => `(record #> '{${path.replaceAll('.', ',')}}')`
