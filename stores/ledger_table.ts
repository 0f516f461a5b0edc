import type { Table } from '../runtime/types'
import type { Pages } from './ledger_pages'

interface Entry<V> {
  /** Undefined where a page was looked for and there is none. */
  value: V | undefined
  /** The decision that set it last; 0 where it was read from a page. */
  at: number
  generation: number
}

/** What a change wants to know stands in a page that has to be read first. */
class Cold extends Error {
  constructor(readonly key: string) {
    super(`${key} is not in memory`)
  }
}

/** The key that has to be read, where that is what ended a change. */
export const coldKey = (error: unknown): string | undefined => (error instanceof Cold ? error.key : undefined)

export interface Memory<V> {
  get(key: string): V | undefined
  set(key: string, value: V, at: number): void
  /** Reads what a page says of a key that is not in memory. */
  load(key: string): Promise<void>
  /** What decisions after this one set. */
  since(decisions: number): [string, V][]
  /** Forgets what is in the pages and was not used since the last call. */
  forget(): void
}

/** The part of a ledger's table that was used lately or stands in no page yet; `get` of another part throws, see `coldKey`. */
export function memoryOver<V>(pages: Pages<V>): Memory<V> {
  const entries = new Map<string, Entry<V>>()
  let generation = 0
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry) {
        entry.generation = generation
        return entry.value
      }
      if (pages.mayHold(key)) throw new Cold(key)
      return undefined
    },
    set: (key, value, at) => void entries.set(key, { value, at, generation }),
    async load(key) {
      const value = await pages.read(key)
      if (!entries.has(key)) entries.set(key, { value, at: 0, generation })
    },
    since: (decisions) =>
      [...entries].flatMap(([key, { value, at }]) => (at > decisions ? [[key, value as V] as [string, V]] : [])),
    forget() {
      for (const [key, entry] of entries) {
        if (entry.at <= pages.position.decisions && entry.generation < generation) entries.delete(key)
      }
      generation += 1
    },
  }
}

export interface Draft<V> extends Table<V> {
  /** Each change that was made on it, for what is beneath it. */
  commit(): void
}

/** Changes on top of a table, so that a decision or a group that does not land leaves no trace. */
export function draftOn<V>(below: Table<V>): Draft<V> {
  const changes = new Map<string, V>()
  return {
    get: (key) => (changes.has(key) ? changes.get(key) : below.get(key)),
    set: (key, value) => void changes.set(key, value),
    commit() {
      for (const [key, value] of changes) below.set(key, value)
    },
  }
}
