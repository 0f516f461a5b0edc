import { textOf } from '../runtime/envelope'
import { step } from '../runtime/failpoint'
import { isConflict, type JetStream } from '../runtime/nats/jetstream'
import type { Store } from '../runtime/types'
import { nextOperation } from './operation'
import { openRecent, type Recent } from './recent'

const operations = 'Operation-Ids'
const mostOperations = 8

/** A record as it was last seen: as text, since what a handler has been given it may change. */
export interface Seen {
  revision: number
  /** Undefined where there is none. */
  text: string | undefined
  writes: string[]
}

/**
 * Records in a JetStream key-value bucket. A lost compare-and-set is tried again on what is there now; a write whose
 * outcome was unknown is recognised by its id, which the record carries on through the next writes. What is in `recent`
 * is changed without being read first, since the compare-and-set finds out where it is not so any more.
 */
export function kvStore<T>(js: JetStream, bucket: string, recent: Recent<Seen> = openRecent()): Store<T> {
  const stream = `KV_${bucket}`
  const subjectOf = (key: string) => `$KV.${bucket}.${validKey(key)}`
  const parsed = ({ text }: Seen) => (text === undefined ? undefined : (JSON.parse(text) as T))

  const read = async (key: string): Promise<Seen> => {
    const stored = await js.read(stream, { last_by_subj: subjectOf(key) })
    const seen = {
      revision: stored?.seq ?? 0,
      text: stored?.data.length ? textOf(stored.data) : undefined,
      writes: (stored?.headers[operations] ?? '').split(' '),
    }
    recent.set(key, seen, seen.text?.length)
    return seen
  }

  return {
    get: async (key) => parsed(await read(key)),

    async update(key, change) {
      let isFresh = false
      const look = () => {
        isFresh = true
        return read(key)
      }
      /** What is to be stored, and whether that is what is there already. */
      const decide = (seen: Seen) => {
        const known = parsed(seen)
        const next = change(known)
        if (next === undefined && known !== undefined) {
          throw new Error(`the change of ${bucket}/${key} returned nothing for a record`)
        }
        return { next, isKnown: next === known }
      }
      for (let seen = recent.get(key) ?? (await look()); ; ) {
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
          if (now.revision === seen.revision) return next
          seen = now
          continue
        }
        const id = nextOperation()
        const writes = [id, ...seen.writes].slice(0, mostOperations)
        const text = JSON.stringify(next)
        try {
          const expected = { headers: { [operations]: writes.join(' ') }, lastSubjectSeq: seen.revision, stream }
          const { seq } = await step(`store ${bucket}`, () => js.publish(subjectOf(key), text, expected))
          recent.set(key, { revision: seq, text, writes }, text.length)
          return next
        } catch (error) {
          recent.delete(key)
          if (!isConflict(error)) throw error
          seen = await look()
          if (seen.writes.includes(id)) return next
        }
      }
    },
  }
}

function validKey(key: string): string {
  if (!/^[-/_=A-Za-z0-9]+(\.[-/_=A-Za-z0-9]+)*$/.test(key))
    throw new Error(`not a key of a store: ${JSON.stringify(key)}`)
  return key
}
