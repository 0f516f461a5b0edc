import { configuration } from '../runtime/errors'
import type { FunctionEntry, Manifest } from '../runtime/manifest'
import type { JetStream } from '../runtime/nats/jetstream'
import { kvStore } from '../stores/kv'
import { existing } from './consumers'

interface Options {
  manifest: Manifest
  selected: Pick<FunctionEntry, 'stores'>[]
  env: NodeJS.ProcessEnv
  /** The records have been moved to where they are looked for now. */
  moved?: boolean
}

const inTables = 'PostgreSQL'
const inBuckets = 'JetStream'

/**
 * Refuses to keep records elsewhere than they have been so far: of two processes of which one lacks `DATABASE_URL` each
 * would know its own half. Noted at the first start; a bucket from before that is known by itself.
 */
export async function requireKept(
  js: JetStream,
  { manifest: { tables = {} }, selected, env, moved }: Options,
): Promise<void> {
  const here = env.DATABASE_URL ? inTables : inBuckets
  const notes = kvStore<{ in: string }>(js, 'runtime')
  const used = new Set(selected.flatMap(({ stores }) => stores).filter((name) => Object.hasOwn(tables, name)))
  for (const bucket of used) {
    const before = env.DATABASE_URL && (await existing(js, `STREAM.INFO.KV_${bucket}`)) ? inBuckets : here
    const note = await notes.update(`kept.${bucket}`, (known = { in: before }) =>
      moved && known.in !== here ? { in: here } : known,
    )
    if (note.in !== here) {
      throw configuration(
        `DATABASE_URL: ${bucket}: kept in ${note.in} so far, and looked for in ${here} now; ` +
          'docs/postgresql.md tells how to move them, and node runtime provision --update that they are',
      )
    }
  }
}
