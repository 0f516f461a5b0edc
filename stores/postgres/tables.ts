import { setTimeout as sleep } from 'node:timers/promises'
import { configuration, isAway } from '../../runtime/errors'
import type { FunctionEntry, Manifest } from '../../runtime/manifest'
import type { Log, Store } from '../../runtime/types'
import { openRecents } from '../recent'
import type { Seen } from '../record'
import type { TableEntry } from './description'
import { openPool, type Pool } from './pool'
import { identityOf, migrate, requireRights } from './schema'
import { tableStore } from './store'

/** The buckets that a database keeps. */
export interface Tables {
  has(bucket: string): boolean
  /** Makes what these functions need; waits for a database that is not there yet, for so long at most. */
  prepare(selected: Users, patienceMs?: number): Promise<void>
  store<T>(bucket: string, left: () => number): Store<T>
  /** Tells the database from every other one; undefined as long as none of its tables is used. */
  identity(): string | undefined
  close(): Promise<void>
}

const againMs = 250
const attemptMs = 2_000

type Users = Pick<FunctionEntry, 'stores'>[]

interface Options {
  manifest: Pick<Manifest, 'tables'>
  env: NodeJS.ProcessEnv
  log: Log
  /** Those that are to run; of none of them a table, nothing is connected. */
  selected: Users
  /** Make nothing; say what is missing. */
  bindOnly?: boolean
  /** For so long a database that is not there is waited for; for good without it. */
  patienceMs?: number
}

/** Those of `DATABASE_URL`, ready for use; undefined without it, and where the manifest describes no table. */
export async function openTables({ selected, patienceMs, ...options }: Options): Promise<Tables | undefined> {
  if (!options.env.DATABASE_URL || !options.manifest.tables) return undefined
  const tables = await tablesOf(options)
  try {
    await tables.prepare(selected, patienceMs)
    return tables
  } catch (error) {
    await tables.close()
    throw error
  }
}

async function tablesOf(options: Omit<Options, 'selected'>): Promise<Tables> {
  const { manifest, env, log, bindOnly = false } = options
  const { tables = {} } = manifest
  const recents = openRecents<Seen>()
  const pool = await openPool({ env, log, onAway: recents.clear })
  let identity: string | undefined
  const entryOf = (bucket: string) => tables[bucket] as TableEntry

  return {
    has: (bucket) => Object.hasOwn(tables, bucket),

    async prepare(selected, patienceMs = Number.POSITIVE_INFINITY) {
      const used = [...new Set(selected.flatMap(({ stores }) => stores))].filter((name) => Object.hasOwn(tables, name))
      if (used.length === 0) return
      await once(pool, patienceMs, async () => {
        const brief: Pool = { ...pool, run: (text, values) => pool.run(text, values, attemptMs) }
        await migrate(
          brief,
          used.map((bucket): [string, TableEntry] => [bucket, entryOf(bucket)]),
          bindOnly,
        )
        await requireRights(brief, used)
        identity = await identityOf(brief)
      })
    },

    store: (bucket, left) => tableStore(pool, bucket, { entry: entryOf(bucket), left, recent: recents.of(bucket) }),
    identity: () => identity,
    close: pool.close,
  }
}

/** What passes by itself is waited for; what a person has to put right is one line. */
async function once(pool: Pool, patienceMs: number, work: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const { message } = error as Error
      if (!isAway(error) || error.reason === 'denied') throw configuration(lineOf(message))
      if (performance.now() + againMs > deadline) throw configuration(lineOf(`${pool.where}: ${message}`))
      await sleep(againMs)
    }
  }
}

const lineOf = (message: string): string =>
  `DATABASE_URL: ${message.replace(/^DATABASE_URL: /, '').replaceAll(/\s+/g, ' ')}`
