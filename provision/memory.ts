import { configuration } from '../runtime/errors'
import { type FunctionEntry, isDurable, type Manifest } from '../runtime/manifest'
import type { JetStream } from '../runtime/nats/jetstream'
import { marksBucket } from '../stores/marks'
import { existing } from './consumers'
import { consumerFor, streamsFor } from './needs'
import { ensureStreams, missingStreams } from './streams'

interface Options {
  manifest: Manifest
  selected: FunctionEntry[]
  env: NodeJS.ProcessEnv
  replicas: number
}

/**
 * The runtime's memory is made before all that it remembers. Where it is gone beside what the runtime alone makes, it
 * has vanished, and with it the knowledge of what else has: a fault, as it is of any stream.
 */
export async function ensureMemory(js: JetStream, options: Options): Promise<void> {
  if (await isGone(js)) {
    const traces = await tracesOf(js, options)
    // Looked for once more: another process that begins on a new server makes it first.
    if (traces.length > 0 && (await isGone(js))) {
      throw configuration(
        `NATS_URL: ${marksBucket.name}: gone, though ${traces.join(', ')} is there; put the server's data back, ` +
          'or make it anew with node runtime provision',
      )
    }
  }
  await ensureStreams(js, [marksBucket], { replicas: options.replicas })
}

const isGone = async (js: JetStream) => (await missingStreams(js, [marksBucket])).length > 0

/** What nobody but a runtime makes: its own streams and its durables; those of the manifest may have been made for it. */
async function tracesOf(js: JetStream, { manifest, selected, env }: Options): Promise<string[]> {
  const own = streamsFor(manifest, selected, env).filter(({ name }) => !(name in manifest.streams))
  const missing = await missingStreams(js, own)
  const durables = await Promise.all(
    selected.filter(isDurable).map(async (entry) => {
      const { stream, name } = consumerFor(manifest, entry)
      return (await existing(js, `CONSUMER.INFO.${stream}.${name}`)) ? [`the consumer ${name}`] : []
    }),
  )
  return [...own.map(({ name }) => name).filter((name) => !missing.includes(name)), ...durables.flat()]
}
