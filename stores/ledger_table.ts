import type { Table } from '../runtime/types'
import type { Pages } from './ledger_pages'

interface Entry<V> {
  /** Undefined where a page was looked for and there is none. */
  value: V | undefined
  /** The decision that set it last; 0 where it was read from a page. */
  at: number
  generation: number
}

export interface Memory<V> {
  get(key: string): V | undefined
  set(key: string, value: V, at: number): void
  /** Whether `get` was asked for what may stand in a page; what came of its answers counts for nothing then. */
  missed(): boolean
  /** Reads what was missed. */
  load(): Promise<void>
  /** What is in no page yet. */
  unwritten(): [string, V][]
  /** How much that is. */
  fresh(): number
  /** Forgets what is in the pages and was not used since the last call. */
  forget(): void
}

/** The part of a ledger's table that was used lately or stands in no page yet. */
export function memoryOver<V>(pages: Pages<V>): Memory<V> {
  const entries = new Map<string, Entry<V>>()
  const missing = new Set<string>()
  let generation = 0
  let fresh = 0
  const isUnwritten = ({ at }: { at: number }) => at > pages.position.decisions
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry) {
        entry.generation = generation
        return entry.value
      }
      if (pages.mayHold(key)) missing.add(key)
      return undefined
    },
    set(key, value, at) {
      const known = entries.get(key)
      if (!known || !isUnwritten(known)) fresh += 1
      entries.set(key, { value, at, generation })
    },
    missed: () => missing.size > 0,
    async load() {
      const keys = [...missing]
      missing.clear()
      await Promise.all(
        keys.map(async (key) => {
          const value = await pages.read(key)
          if (!entries.has(key)) entries.set(key, { value, at: 0, generation })
        }),
      )
    },
    unwritten: () =>
      [...entries].flatMap(([key, entry]) => (isUnwritten(entry) ? [[key, entry.value as V] as [string, V]] : [])),
    fresh: () => fresh,
    forget() {
      fresh = 0
      for (const [key, entry] of entries) {
        if (isUnwritten(entry)) fresh += 1
        else if (entry.generation < generation) entries.delete(key)
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
