import type { StreamSpec } from '../provision/streams'
import { consumerName, isDurable, type Manifest } from '../runtime/manifest'
import { isMissing, type JetStream } from '../runtime/nats/jetstream'
import type { Marks } from '../stores/marks'

export interface Orphan {
  stream: string
  consumer: string
  /** A process pulls from it at this moment. */
  used: boolean
}

interface Found {
  name: string
  config: { durable_name?: string }
  num_waiting: number
}

/** Durables of functions that the manifest no longer has: those alone whose floor the runtime has saved, since others make consumers, too. */
export async function orphansOf(
  js: JetStream,
  streams: StreamSpec[],
  manifest: Manifest,
  marks: Marks,
): Promise<Orphan[]> {
  const known = new Set(manifest.functions.filter(isDurable).map(({ name }) => consumerName(name)))
  const orphans: Orphan[] = []
  for (const { name: stream, bucket } of streams) {
    if (bucket) continue
    for (const { name: consumer, config, num_waiting } of await consumersOf(js, stream)) {
      if (!config.durable_name || known.has(consumer)) continue
      if (await marks.floor(stream, consumer)) orphans.push({ stream, consumer, used: num_waiting > 0 })
    }
  }
  return orphans
}

/** Its floor stays: a function of that name which comes back goes on where this one ended. */
export async function deleteDurable(js: JetStream, { stream, consumer }: Orphan): Promise<void> {
  await js.api(`CONSUMER.DELETE.${stream}.${consumer}`)
}

async function consumersOf(js: JetStream, stream: string): Promise<Found[]> {
  const all: Found[] = []
  for (;;) {
    type Page = { total: number; consumers: Found[] | null }
    const page = await js.api<Page>(`CONSUMER.LIST.${stream}`, { offset: all.length }).catch((error) => {
      if (isMissing(error)) return { total: 0, consumers: [] }
      throw error
    })
    all.push(...(page.consumers ?? []))
    if (all.length >= page.total || !page.consumers?.length) return all
  }
}
