import type { Table } from '../runtime/types'
import type { Pages } from './ledger_pages'

interface Entry<V> {
  /** Undefined where a page was looked for and there is none. */
  value: V | undefined
  /** The decision that set it last; 0 where it was read from a page. */
  at: number
  /** How many changes there had been when it was used last. */
  usedAt: number
}

export interface Memory<V> {
  get(key: string): V | undefined
  set(key: string, value: V, at: number): void
  /** What `get` was asked for that may stand in a page, once; what came of its answers counts for nothing then. */
  missed(): string[]
  /** Reads these from their pages; resolves with those that could not be read, and why. */
  load(keys: string[]): Promise<Map<string, unknown>>
  /** What is in no page yet. */
  unwritten(): [string, V][]
  /** How much that is. */
  fresh(): number
  /** Forgets what is in the pages and was not used lately. */
  forget(): void
}

/** The part of a ledger's table that was used during so many of the last changes, or stands in no page yet. */
export function memoryOver<V>(pages: Pages<V>, lately: number): Memory<V> {
  const entries = new Map<string, Entry<V>>()
  const missing = new Set<string>()
  let changes = 0
  let forgotten = 0
  let fresh = 0
  const isUnwritten = ({ at }: { at: number }) => at > pages.position.decisions

  return {
    get(key) {
      const entry = entries.get(key)
      if (entry) {
        entry.usedAt = changes
        return entry.value
      }
      if (pages.mayHold(key)) missing.add(key)
      return undefined
    },
    set(key, value, at) {
      const known = entries.get(key)
      if (!known || !isUnwritten(known)) fresh += 1
      changes += 1
      entries.set(key, { value, at, usedAt: changes })
    },
    missed() {
      if (missing.size === 0) return []
      const keys = [...missing]
      missing.clear()
      return keys
    },
    async load(keys) {
      const failed = new Map<string, unknown>()
      const before = forgotten
      const one = async (key: string) => {
        const value = await pages.read(key)
        // Set, written and forgotten meanwhile, it would be an older one by now.
        if (!entries.has(key) && forgotten === before) entries.set(key, { value, at: 0, usedAt: changes })
      }
      await Promise.all(keys.map((key) => one(key).catch((error) => void failed.set(key, error))))
      return failed
    },
    unwritten: () =>
      [...entries].flatMap(([key, entry]) => (isUnwritten(entry) ? [[key, entry.value as V] as [string, V]] : [])),
    fresh: () => fresh,
    forget() {
      fresh = 0
      for (const [key, entry] of entries) {
        if (isUnwritten(entry)) fresh += 1
        else if (changes - entry.usedAt >= lately) entries.delete(key)
      }
      forgotten += 1
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
