import type { ConsumerDrift } from '../provision/consumer_config'
import { ensureConsumer } from '../provision/consumers'
import { consumerFor, streamsFor } from '../provision/needs'
import {
  ensureStreams,
  findDrift,
  missingStreams,
  requireJetStream,
  requireVersion,
  updateStream,
} from '../provision/streams'
import { isDurable } from '../runtime/manifest'
import { readSettings } from '../runtime/settings'
import type { Log } from '../runtime/types'
import { marksBucket, openMarks } from '../stores/marks'
import { flagsOf } from './flags'
import { linked, manifestOf } from './system'
import type { Tool } from './tool'

const help = `node runtime provision: creates the streams, buckets and consumers that the functions need

  node runtime provision                    creates what is missing, also what was there and has vanished
  node runtime provision --update           and brings streams that differ to what manifest and environment want
  node runtime provision --manifest FILE    for another manifest

Exit codes: 0 when all is as it should be, 1 when a stream still differs, 2 a usage or configuration error.`

export const run: Tool = async (args, place) => {
  const { env, say } = place
  const {
    help: asked,
    manifest: file,
    update,
  } = flagsOf(['provision'], args, {
    help: { type: 'boolean' },
    manifest: { type: 'string' },
    update: { type: 'boolean' },
  }).values
  if (asked) return said(say, help)
  const { manifest } = manifestOf(place, file)
  const { replicas } = readSettings(env)
  const streams = [marksBucket, ...streamsFor(manifest, manifest.functions, env)]
  const log = consumersTold(say)
  return linked(place, async ({ connection, js }) => {
    requireVersion(connection.server, replicas)
    await requireJetStream(js)
    const missing = await missingStreams(js, streams)
    const marks = openMarks(js)
    await ensureStreams(js, [marksBucket], { replicas, anew: true })
    await ensureStreams(js, streams, { replicas, anew: true, marks })
    for (const name of missing) say(`${name}: created`)
    for (const entry of manifest.functions.filter(isDurable)) {
      await ensureConsumer(js, consumerFor(manifest, entry), { marks, log, bindOnly: false })
    }
    if (update) {
      for (const name of new Set((await findDrift(js, streams, replicas)).map(({ stream }) => stream))) {
        const spec = streams.find((one) => one.name === name) as (typeof streams)[number]
        await updateStream(js, spec, replicas).then(
          () => say(`${name}: brought to what is wanted`),
          (error) => say(`${name}: ${error.message}`),
        )
      }
    }
    const drift = await findDrift(js, streams, replicas)
    for (const { stream, field, server, wanted } of drift) say(`${stream}: ${field} is ${server}, wanted is ${wanted}`)
    say(`${streams.length} streams, ${drift.length} differences`)
    return drift.length > 0 ? 1 : 0
  })
}

/** What is logged of a consumer, as lines of the command. */
function consumersTold(say: (text: string) => void): Log {
  const tell = (fields: object, text: string) => {
    const { consumer, field, server, wanted } = fields as Partial<ConsumerDrift> & { consumer?: string }
    const what = field ? `: ${field} ${server ?? 'not set'}, wanted ${wanted ?? 'not set'}` : ''
    say(`${consumer}: ${text}${what}`)
  }
  return { debug: () => {}, info: tell, warn: tell, error: tell }
}

function said(say: (text: string) => void, text: string): number {
  say(text)
  return 0
}
