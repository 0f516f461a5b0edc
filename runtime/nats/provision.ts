import { configuration, isAway } from '../errors'
import type { StreamConfig } from '../types'
import type { Connection } from './connection'
import { hasCode, isMissing, type JetStream } from './jetstream'

export interface StreamSpec extends StreamConfig {
  name: string
  /** As a key-value bucket: the last value of each key, and no deletes. */
  bucket?: boolean
}

export interface ConsumerSpec {
  stream: string
  name: string
  /** Undefined for all that the stream holds: a filter makes an old server scan. */
  filter: string | undefined
  ackWaitMs: number
  ordered: boolean
  from: 'all' | 'new'
}

interface ServerStream {
  config: { subjects?: string[]; description?: string }
}

const ns = (ms: number) => ms * 1e6
const absentMs = 2_000
const mostUnacked = 10_000

/** Creates the streams that are not there, once all that are there were found to be ours: else nothing is touched. */
export async function ensureStreams(
  js: JetStream,
  specs: StreamSpec[],
  { replicas = 1, strict = false }: { replicas?: number; strict?: boolean } = {},
) {
  const found = await Promise.all(specs.map(({ name }) => existing<ServerStream>(js, `STREAM.INFO.${name}`)))
  for (const [index, stream] of found.entries()) if (stream) refuseForeign(stream, specs[index] as StreamSpec, strict)
  const missing = specs.filter((_, index) => !found[index])
  await Promise.all(missing.map((spec) => createStream(js, spec, replicas)))
}

/** `strict`: nobody named this server, so what carries the same subjects must be described as ours, too. */
function refuseForeign({ config }: ServerStream, { name, subjects, description }: StreamSpec, strict: boolean): void {
  const carried = config.subjects ?? []
  if (carried.join() === subjects.join() && !(strict && config.description !== description)) return
  throw configuration(
    `NATS_URL: the stream ${name} on this server is another system's: it carries ` +
      `${carried.join(', ') || 'nothing'}${config.description ? ` («${config.description}»)` : ''}, ours ${subjects.join(', ')}`,
  )
}

async function createStream(js: JetStream, spec: StreamSpec, replicas: number): Promise<void> {
  try {
    await js.api(`STREAM.CREATE.${spec.name}`, streamConfig(spec, replicas))
  } catch (error) {
    // 10058: another process was first; 10065: its subjects are in another stream.
    if (hasCode(error, 10058)) return
    if (hasCode(error, 10065)) {
      throw configuration(`NATS_URL: another stream on this server carries ${spec.subjects.join(', ')} already`)
    }
    throw configuration(`stream ${spec.name}: ${(error as Error).message}`)
  }
}

/** Those of the streams that are not on the server. */
export async function missingStreams(js: JetStream, specs: StreamSpec[]): Promise<string[]> {
  const found = await Promise.all(specs.map(({ name }) => existing(js, `STREAM.INFO.${name}`)))
  return specs.filter((_, index) => !found[index]).map(({ name }) => name)
}

/** Creates the durable, or brings an existing one to the function's policy. */
export async function ensureConsumer(js: JetStream, spec: ConsumerSpec): Promise<void> {
  const found = await existing<{ config: Record<string, unknown> }>(js, `CONSUMER.INFO.${spec.stream}.${spec.name}`)
  const wanted = consumerConfig(spec)
  if (found) {
    if (found.config.filter_subject !== wanted.filter_subject && found.config.filter_subject !== '>') {
      throw configuration(
        `consumer ${spec.name}: filters ${found.config.filter_subject ?? 'nothing'} on the server, ` +
          `${wanted.filter_subject ?? 'nothing'} in the manifest; delete it there or rename the function`,
      )
    }
    if (found.config.ack_wait === wanted.ack_wait && found.config.max_ack_pending === wanted.max_ack_pending) return
    wanted.deliver_policy = found.config.deliver_policy
  }
  await js.api(`CONSUMER.DURABLE.CREATE.${spec.stream}.${spec.name}`, { stream_name: spec.stream, config: wanted })
}

const oldest = '2.9.10'
const oldestOfCluster = '2.11.0'

/** Replicated streams of older servers let two writers win one compare-and-set. */
export function requireVersion({ version, clustered }: Connection['server'], replicas: number): void {
  if (older(version, oldest)) throw configuration(`NATS_URL: nats-server ${version} is too old; ${oldest} is needed`)
  if (replicas > 1 && older(version, oldestOfCluster)) {
    throw configuration(`REPLICAS: ${replicas} needs nats-server ${oldestOfCluster} or newer; this one is ${version}`)
  }
  if (replicas > 1 && !clustered) throw configuration(`REPLICAS: ${replicas} needs a cluster; this server is alone`)
}

function older(version: string, than: string): boolean {
  const numbers = (text: string) => text.split('-', 1).join().split('.').map(Number)
  const [given, wanted] = [numbers(version), numbers(than)]
  const at = wanted.findIndex((number, index) => number !== given[index])
  return at >= 0 && (given[at] ?? 0) < (wanted[at] as number)
}

/** One clear line where the server has no JetStream: nobody there listens; one without a leader is waited for. */
export async function requireJetStream(js: JetStream): Promise<void> {
  try {
    await js.api('INFO', {}, absentMs).catch((error) => {
      if (isAway(error) && error.reason === 'no-responders') throw error
      return js.api('INFO')
    })
  } catch (error) {
    const why = isAway(error) ? 'no answer from its JetStream; start it with -js' : (error as Error).message
    throw configuration(`NATS_URL: the server has no JetStream for us: ${why}`)
  }
}

async function existing<T>(js: JetStream, subject: string): Promise<T | undefined> {
  try {
    return await js.api<T>(subject)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function streamConfig(spec: StreamSpec, replicas: number) {
  return {
    name: spec.name,
    subjects: spec.subjects,
    description: spec.description,
    retention: 'limits',
    storage: 'file',
    discard: spec.bucket ? 'new' : 'old',
    num_replicas: replicas,
    max_age: ns(spec.maxAgeMs ?? 0),
    max_bytes: spec.maxBytes ?? -1,
    max_msgs_per_subject: spec.bucket ? 1 : -1,
    duplicate_window: ns(Math.min(spec.duplicateWindowMs ?? 600_000, spec.maxAgeMs || Number.POSITIVE_INFINITY)),
    allow_direct: true,
    allow_rollup_hdrs: spec.bucket === true,
    deny_delete: spec.bucket === true,
  }
}

function consumerConfig(spec: ConsumerSpec): Record<string, unknown> {
  return {
    durable_name: spec.name,
    ack_policy: 'explicit',
    deliver_policy: spec.from,
    replay_policy: 'instant',
    ack_wait: ns(spec.ackWaitMs),
    // Unlimited at the broker: the runtime looks at the count before it runs the handler.
    max_deliver: -1,
    max_ack_pending: spec.ordered ? 1 : mostUnacked,
    filter_subject: spec.filter,
  }
}
