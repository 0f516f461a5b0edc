import { readSettings } from '../connect/settings'
import type { ConsumerDrift } from '../provision/consumer_config'
import { ensureConsumer } from '../provision/consumers'
import { requireKept } from '../provision/kept'
import { consumerFor, streamsFor } from '../provision/needs'
import {
  type Drift,
  ensureStreams,
  findDrift,
  missingStreams,
  requireJetStream,
  requireVersion,
  type StreamSpec,
  updateStream,
} from '../provision/streams'
import { isDurable, type Manifest } from '../runtime/manifest'
import type { Log } from '../runtime/types'
import { type Marks, marksBucket, openMarks } from '../stores/marks'
import { openTables } from '../stores/postgres/tables'
import { flagsOf } from './flags'
import { deleteDurable, orphansOf } from './orphans'
import { answersWithinMs, type Link, linked, manifestOf, withServer } from './system'
import type { Place, Tool } from './tool'

const help = `node runtime provision: creates the streams, buckets, consumers and tables that the functions need

  node runtime provision                    creates what is missing, also what was there and has vanished
  node runtime provision --update           and brings streams that differ to what manifest and environment want
  node runtime provision --moved            and notes that the records of tables have been moved to where DATABASE_URL
                                            is now, or, without it, to key-value buckets: see docs/postgresql.md
  node runtime provision --restored         for streams that were just put back from a backup: their durables go on from
                                            the floors that it knows; see docs/backup.md
  node runtime provision --prune            and deletes the durables of functions that the manifest no longer has
  node runtime provision --manifest FILE    for another manifest
  node runtime provision --embedded         on the server that npm start would use, started for so long

A stream that another system made is never changed. A durable is a removed function's where it is on a stream of the
manifest, the runtime has saved how far it came (it does after some seconds of work), and no process pulls from it; so
name the manifest that has all functions of this server.

Exit codes: 0 when all is as it should be, 1 when a stream still differs, 2 a usage or configuration error.`

export const run: Tool = async (args, place) => {
  const { values } = flagsOf(['provision'], args, {
    help: { type: 'boolean' },
    manifest: { type: 'string' },
    update: { type: 'boolean' },
    moved: { type: 'boolean' },
    restored: { type: 'boolean' },
    prune: { type: 'boolean' },
    embedded: { type: 'boolean' },
  })
  if (values.help) {
    place.say(help)
    return 0
  }
  const { manifest, folder } = manifestOf(place, values.manifest)
  const provide = (there: Place) => linked(there, (link) => provision(link, there, manifest, values))
  return values.embedded ? withServer(place, folder, provide) : provide(place)
}

interface Wanted {
  update?: boolean
  moved?: boolean
  restored?: boolean
  prune?: boolean
}

async function provision({ connection, js }: Link, { env, say }: Place, manifest: Manifest, wanted: Wanted) {
  const { update, moved, restored, prune } = wanted
  const { replicas } = readSettings(env)
  const streams = [marksBucket, ...streamsFor(manifest, manifest.functions, env)]
  requireVersion(connection.server, replicas)
  await requireJetStream(js)
  const missing = await missingStreams(js, streams)
  const marks = openMarks(js)
  await ensureStreams(js, [marksBucket], { replicas, anew: true })
  const log = lined(say)
  const tables = await openTables({ manifest, env, log, selected: manifest.functions, patienceMs: answersWithinMs })
  await tables?.close()
  await requireKept(js, { manifest, selected: manifest.functions, tables, ...(moved && { moved: say }) })
  await ensureStreams(js, streams, { replicas, anew: true, update, marks })
  for (const name of missing) say(`${name}: created`)
  if (update) await bringStreams(js, streams, replicas, say)
  for (const entry of manifest.functions.filter(isDurable)) {
    await ensureConsumer(js, consumerFor(manifest, entry), { marks, log, bindOnly: false, restored })
  }
  await lookForOrphans(js, streams, { manifest, marks, prune, say })
  const drift = await findDrift(js, streams, replicas)
  for (const one of drift) say(asLine(one))
  say(`${counted(streams.length, 'stream')}, ${counted(drift.length, 'difference')}`)
  return drift.length > 0 ? 1 : 0
}

async function bringStreams(js: Link['js'], streams: StreamSpec[], replicas: number, say: Place['say']): Promise<void> {
  for (const name of new Set((await findDrift(js, streams, replicas)).map(({ stream }) => stream))) {
    const spec = streams.find((one) => one.name === name) as StreamSpec
    await updateStream(js, spec, replicas).then(
      () => say(`${name}: brought to what is wanted`),
      (error) => say(`${name}: ${error.message}`),
    )
  }
}

interface Search {
  manifest: Manifest
  marks: Marks
  prune: boolean | undefined
  say: Place['say']
}

async function lookForOrphans(js: Link['js'], streams: StreamSpec[], { manifest, marks, prune, say }: Search) {
  for (const orphan of await orphansOf(js, streams, manifest, marks)) {
    const durable = `${orphan.stream}: the durable ${orphan.consumer} belongs to no function of the manifest`
    if (orphan.used) say(`${durable}, and a process pulls from it`)
    else if (prune) await deleteDurable(js, orphan).then(() => say(`${durable}: deleted`))
    else say(`${durable}; --prune deletes it`)
  }
}

const asLine = ({ stream, field, server, wanted }: Drift): string =>
  `${stream}: ${field} is ${told(field, server)}, wanted is ${told(field, wanted)}`

/** Durations in the largest unit that has them whole, since the server's nanoseconds are read by nobody. */
function told(field: string, value: unknown): string {
  if (value === undefined) return 'not set'
  if (field === 'max_age' && value === 0) return 'without end'
  if (!['max_age', 'duplicate_window'].includes(field)) return String(value)
  const units = { d: 86_400e9, h: 3_600e9, m: 60e9, s: 1e9, ms: 1e6 }
  const [unit, size] = Object.entries(units).find(([, size]) => Number(value) % size === 0) ?? ['ns', 1]
  return `${Number(value) / size}${unit}`
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** What is logged of a consumer, or of the database, as lines of the command. */
function lined(say: (text: string) => void): Log {
  const tell = (fields: object, text: string) => {
    const { consumer, database, reason, field, server, wanted } = fields as Logged
    const what = field ? `: ${field} ${server ?? 'not set'}, wanted ${wanted ?? 'not set'}` : ''
    say(`${consumer ?? database}: ${text}${reason ? `: ${reason}` : what}`)
  }
  return { debug: () => {}, info: tell, warn: tell, error: tell }
}

type Logged = Partial<ConsumerDrift> & { consumer?: string; database?: string; reason?: string }
