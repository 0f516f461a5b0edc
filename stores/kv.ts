import { randomBytes } from 'node:crypto'
import { step } from '../runtime/failpoint'
import { isConflict, type JetStream } from '../runtime/nats/jetstream'
import type { Store } from '../runtime/types'

const operations = 'Operation-Ids'
const mostOperations = 8

/**
 * Records in a JetStream key-value bucket. A lost compare-and-set is tried again on what is there now; a write whose
 * outcome was unknown is recognised by its id, which the record carries on through the next writes.
 */
export function kvStore<T>(js: JetStream, bucket: string): Store<T> {
  const stream = `KV_${bucket}`
  const subjectOf = (key: string) => `$KV.${bucket}.${validKey(key)}`

  const read = async (key: string) => {
    const stored = await js.read(stream, { last_by_subj: subjectOf(key) })
    if (!stored) return { revision: 0, value: undefined, writes: [] }
    const value = stored.data.length ? (JSON.parse(Buffer.from(stored.data).toString()) as T) : undefined
    return { revision: stored.seq, value, writes: (stored.headers[operations] ?? '').split(' ') }
  }

  return {
    get: async (key) => (await read(key)).value,

    async update(key, change) {
      for (let known = await read(key); ; ) {
        const next = change(known.value)
        if (next === known.value) return next
        if (next === undefined) throw new Error(`the change of ${bucket}/${key} returned nothing for a record`)
        const id = randomBytes(6).toString('base64url')
        const writes = [id, ...known.writes].slice(0, mostOperations).join(' ')
        const data = Buffer.from(JSON.stringify(next))
        try {
          const expected = { headers: { [operations]: writes }, lastSubjectSeq: known.revision, stream }
          await step(`store ${bucket}`, () => js.publish(subjectOf(key), data, expected))
          return next
        } catch (error) {
          if (!isConflict(error)) throw error
          known = await read(key)
          if (known.writes.includes(id)) return next
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
