import { configuration } from '../../runtime/errors'
import type { Column, TableEntry } from './description'
import type { Pool } from './pool'

/**
 * One step of making the database what is described, noted once it is done. It is only ever added: what has been made is
 * never made otherwise, or two versions that run side by side would undo each other.
 */
interface Step {
  name: string
  statement: string
}

export const migrations = 'runtime_migrations'
const oldest = 120_000
// Of all processes that make tables in this database one does at a time.
const lock = 'select pg_try_advisory_xact_lock(7309453, 1) as free'

/** Makes what is missing, once however many processes begin at the same time; with `bindOnly` it says what that is. */
export async function migrate(pool: Pool, tables: [string, TableEntry][], bindOnly: boolean): Promise<void> {
  await requireServer(pool)
  const steps = [time, identity, ...tables.flatMap(([table, entry]) => stepsOf(table, entry))]
  // Where nothing is missing no right is needed but to read and to write.
  const missing = pending(steps, await noted(pool.run)).map(({ name }) => name)
  if (missing.length === 0) return
  if (bindOnly) {
    throw configuration(
      `DATABASE_URL: ${pool.where} lacks ${missing.join(', ')}, and --bind-only makes nothing; run node runtime provision`,
    )
  }
  await pool.together(lock, async (run) => {
    await run(`create table if not exists ${migrations} (
      name text primary key, statement text not null, done_at timestamptz not null default now())`)
    for (const { name, statement } of pending(steps, await noted(run))) {
      await run(statement)
      await run(`insert into ${migrations} (name, statement) values ($1, $2)`, [name, statement])
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
    `select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`,
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

function pending(steps: Step[], known: Noted): Step[] {
  const changed = steps.find(({ name, statement }) => known.has(name) && known.get(name) !== statement)
  if (changed) {
    throw configuration(
      `DATABASE_URL: ${changed.name} was made by another description, which cannot change under its name; give it a new name`,
    )
  }
  return steps.filter(({ name }) => !known.has(name))
}

// A random name that the database keeps, also in a dump of it.
const identity: Step = {
  name: 'runtime_database',
  statement: `create table if not exists runtime_database as
  select md5(random()::text || clock_timestamp() || pg_backend_pid()) as id`,
}

/** Tells this database from every other one. */
export async function identityOf(pool: Pool): Promise<string> {
  const [row] = await pool.run('select id from runtime_database')
  return String(row?.id)
}

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
