import type { Log } from '../../runtime/types'
import { openTables, type Tables } from '../../stores/postgres/tables'
import { silent } from './silent'
import { atEnd } from './suite'

/** A table of another system. */
export const counts = {
  counts: {
    key: 'id',
    columns: {
      n: { type: 'integer' },
      at: { type: 'time' },
      who: { type: 'text', path: 'by.who' },
      stage: {
        type: 'text',
        first: [
          ['ended', 'over'],
          ['by', 'begun'],
        ],
        otherwise: 'new',
      },
    },
    indexes: [['who', 'at', 'id']],
  },
}

interface Options {
  tables?: object
  env?: Record<string, string>
  log?: Log
  patienceMs?: number
}

/** Tables on a connection of its own, as another process would have them. */
export async function openAt(
  url: string,
  { tables = counts, env = {}, log = silent, patienceMs = 10_000 }: Options = {},
): Promise<Tables> {
  const opened = await openTables({
    manifest: { tables } as never,
    env: { DATABASE_URL: url, ...env },
    log,
    selected: [{ stores: Object.keys(tables) }],
    patienceMs,
  })
  atEnd(() => opened?.close())
  return opened as Tables
}

export const storeAt = async <T>(url: string, leftMs = 20_000) => (await openAt(url)).store<T>('counts', () => leftMs)
