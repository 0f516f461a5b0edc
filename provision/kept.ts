import { configuration } from '../runtime/errors'
import type { FunctionEntry, Manifest } from '../runtime/manifest'
import type { JetStream } from '../runtime/nats/jetstream'
import { kvStore } from '../stores/kv'
import { existing } from './consumers'

interface Options {
  manifest: Manifest
  selected: Pick<FunctionEntry, 'stores'>[]
  /** The database that is open, which has an identity where it is used; undefined for the buckets. */
  tables?: { identity(): string | undefined }
  /** Notes that the records have been moved to where they are looked for now, and tells it. */
  moved?(line: string): void
}

interface Kept {
  in: string
  /** Of the database; undefined as long as no process has looked. */
  id?: string
}

const inTables = 'PostgreSQL'
const inBuckets = 'JetStream'

/**
 * Refuses to keep records elsewhere than they have been so far: of two processes of which one lacks `DATABASE_URL`, or
 * has another one, each would know its own half. Noted at the first start, once the database was reached; a bucket from
 * before that is known by itself.
 */
export async function requireKept(js: JetStream, { manifest, selected, tables, moved }: Options): Promise<void> {
  const described = manifest.tables ?? {}
  const here: Kept = tables ? { in: inTables, id: tables.identity() } : { in: inBuckets }
  const notes = kvStore<Kept>(js, 'runtime')
  const used = new Set(selected.flatMap(({ stores }) => stores).filter((name) => Object.hasOwn(described, name)))
  for (const bucket of used) {
    const before = tables && (await existing(js, `STREAM.INFO.KV_${bucket}`)) ? { in: inBuckets } : here
    let was: Kept | undefined
    const note = await notes.update(`kept.${bucket}`, (known = before) => {
      was = isSame(known, here) ? undefined : known
      const isNoted = known.in === here.in && known.id === here.id
      return isNoted || (was && !moved) ? known : here
    })
    if (!was) continue
    if (!moved) throw configuration(refusal(bucket, note, here))
    moved(`${bucket}: kept in ${here.in} from now on, in ${elsewhere(was, here)} before`)
  }
}

const isSame = (known: Kept, here: Kept): boolean =>
  known.in === here.in && (known.id === undefined || known.id === here.id)

function refusal(bucket: string, known: Kept, here: Kept): string {
  const told = 'docs/postgresql.md tells how to move them, and node runtime provision --moved that they are'
  return known.in === here.in
    ? `DATABASE_URL: ${bucket}: kept in another database so far; name that one, or, if this one is to follow it, ${told}`
    : `DATABASE_URL: ${bucket}: kept in ${known.in} so far, and looked for in ${here.in} now; ${told}`
}

const elsewhere = (was: Kept, here: Kept): string => (was.in === here.in ? 'another database' : was.in)
