import type { Store } from '../runtime/types'
import { nextOperation } from './operation'
import type { Recent } from './recent'

const mostOperations = 8

/** A record as it was last seen: as text, since what a handler has been given it may change. */
export interface Seen {
  /** 0 where there is none. */
  revision: number
  /** Undefined where there is none. */
  text: string | undefined
  /** The ids of the last writes, the newest first. */
  writes: string[]
}

export const nothing: Seen = { revision: 0, text: undefined, writes: [] }

/** Where the records of a bucket are kept. */
export interface Shelf {
  read(key: string): Promise<Seen>
  /** Where it is cheaper without what a change needs: undefined where there is none, empty where it was deleted. */
  readText?(key: string): Promise<string | undefined>
  /** Where the record is still what was seen; its revision then, undefined where another write was first. */
  write(key: string, next: Omit<Seen, 'revision'> & { text: string }, seen: Seen): Promise<number | undefined>
}

/**
 * Records that are changed by compare-and-set. A lost one is tried again on what is there now; a write whose outcome was
 * unknown is recognised by its id, which the record carries on through the next writes. What is in `recent`, or guessed
 * to be absent, is changed without being read first, since the compare-and-set finds out where it is not so.
 */
export function recordStore<T>(bucket: string, shelf: Shelf, recent: Recent<Seen>): Store<T> {
  const parsed = (text: string | undefined) => (text === undefined ? undefined : (JSON.parse(text) as T))

  const read = async (key: string): Promise<Seen> => {
    const seen = await shelf.read(key)
    recent.set(key, seen, seen.text?.length)
    return seen
  }

  return {
    async get(key) {
      if (!shelf.readText) return parsed((await read(key)).text)
      const text = await shelf.readText(key)
      // Of what is there a change has to know more.
      if (text === undefined) recent.set(key, nothing)
      return parsed(text || undefined)
    },

    async update(key, change, guess) {
      let isFresh = false
      const look = () => {
        isFresh = true
        return read(key)
      }
      /** What is to be stored, and whether that is what is there already. */
      const decide = (seen: Seen) => {
        const known = parsed(seen.text)
        const next = change(known)
        if (next === undefined && known !== undefined) {
          throw new Error(`the change of ${bucket}/${key} returned nothing for a record`)
        }
        return { next, isKnown: next === known }
      }
      for (let seen = recent.get(key) ?? (guess ? nothing : await look()); ; ) {
        let decided: ReturnType<typeof decide>
        try {
          decided = decide(seen)
        } catch (error) {
          // A refusal holds of what is there now alone, as does that nothing is to be done.
          if (isFresh) throw error
          seen = await look()
          continue
        }
        const { next, isKnown } = decided
        if (isKnown) {
          const now = isFresh ? seen : await look()
          if (isSame(now, seen)) return next
          seen = now
          continue
        }
        const id = nextOperation()
        const written = { text: JSON.stringify(next), writes: [id, ...seen.writes].slice(0, mostOperations) }
        try {
          const revision = await shelf.write(key, written, seen)
          if (revision !== undefined) {
            recent.set(key, { revision, ...written }, written.text.length)
            return next
          }
        } catch (error) {
          recent.delete(key)
          throw error
        }
        recent.delete(key)
        seen = await look()
        if (seen.writes.includes(id)) return next
      }
    },
  }
}

const isSame = (one: Seen, other: Seen): boolean =>
  one.revision === other.revision && one.writes.join() === other.writes.join()
