import { type Data, textOf } from '../runtime/envelope'
import { step } from '../runtime/failpoint'
import { isConflict, type JetStream } from '../runtime/nats/jetstream'
import type { Store } from '../runtime/types'
import { validKey } from './key'
import { openRecent, type Recent } from './recent'
import { recordStore, type Seen } from './record'

const operations = 'Operation-Ids'

/** Records in a JetStream key-value bucket. */
export function kvStore<T>(js: JetStream, bucket: string, recent: Recent<Seen> = openRecent()): Store<T> {
  const stream = `KV_${bucket}`
  const subjectOf = (key: string) => `$KV.${bucket}.${validKey(key)}`

  return recordStore<T>(
    bucket,
    {
      async read(key) {
        const stored = await js.read(stream, { last_by_subj: subjectOf(key) })
        return {
          revision: stored?.seq ?? 0,
          text: stored?.data.length ? ownText(stored.data) : undefined,
          writes: stored?.headers[operations]?.split(' ').filter(Boolean) ?? [],
        }
      },

      async readText(key) {
        const body = await js.readBody(stream, subjectOf(key))
        return body && textOf(body)
      },

      async write(key, { text, writes }, seen) {
        const expected = { headers: { [operations]: writes.join(' ') }, lastSubjectSeq: seen.revision, stream }
        try {
          return (await step(`store ${bucket}`, () => js.publish(subjectOf(key), text, expected))).seq
        } catch (error) {
          if (isConflict(error)) return undefined
          throw error
        }
      },
    },
    recent,
  )
}

/** What is remembered must not be a piece of what the link brought, which would keep all of that. */
const ownText = (data: Data): string => Buffer.from(data).toString()
