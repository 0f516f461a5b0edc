import { limits } from '../connect/settings'
import { consumerName, type FunctionEntry, isDurable, type Manifest, streamOf } from '../runtime/manifest'
import { deadLetters } from '../stores/dead_letter'
import { ledgerStream } from '../stores/ledger_log'
import { pagesStream } from '../stores/ledger_pages'
import { triesBucket } from '../stores/tries'
import type { ConsumerSpec } from './consumers'
import type { StreamSpec } from './streams'

/** Every stream that the functions need, as the environment limits it. */
export function streamsFor(manifest: Manifest, selected: FunctionEntry[], env: NodeJS.ProcessEnv): StreamSpec[] {
  const kept = env.DATABASE_URL ? (manifest.tables ?? {}) : {}
  const buckets = new Set(selected.flatMap(({ stores }) => stores).filter((name) => !Object.hasOwn(kept, name)))
  const ledgers = new Set(selected.flatMap(({ ledgers, subject }) => [...ledgers, ...ledgerOf(subject)]))
  const used = [
    ...new Set(selected.flatMap((entry) => [...entry.emits, ...(isDurable(entry) ? [entry.subject ?? ''] : [])])),
  ]
  return [
    ...Object.entries(manifest.streams).map(([name, config]) => ({
      name,
      ...config,
      ...limits(env, name),
      needs: used.filter((subject) => streamOf(manifest, subject)?.stream === name),
    })),
    ...(selected.some(isDurable) ? [deadLetters, triesBucket] : []),
    ...[...buckets].map((name) => ({ name: `KV_${name}`, subjects: [`$KV.${name}.>`], bucket: true })),
    ...[...ledgers].flatMap(ledgerStreams),
  ]
}

export function ledgerStreams(name: string): StreamSpec[] {
  const { stream, subject, head } = pagesStream(name)
  return [
    { name: ledgerStream(name).stream, subjects: [ledgerStream(name).subject] },
    { name: stream, subjects: [subject, head] },
  ]
}

const ledgerOf = (subject = '') => subject.match(/(?<=^ledger\.)[^.*>]+$/) ?? []

/** The durable consumer of a job or stream function. */
export function consumerFor(manifest: Manifest, { name, subject, policy }: FunctionEntry): ConsumerSpec {
  const { stream, whole } = streamOf(manifest, subject as string) as { stream: string; whole: boolean }
  return {
    stream,
    name: consumerName(name),
    filter: whole ? undefined : subject,
    ackWaitMs: policy.ackWaitMs,
    ordered: policy.ordered,
    // What is put off counts as well, and at the limit nothing else is delivered; the broker looks through all of them.
    mostUnacked: policy.ordered ? (policy.batch ?? 1) : 100_000,
    from: policy.from,
  }
}
