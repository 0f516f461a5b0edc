import { hasCode } from '../connect/persist'
import { configuration, isAway } from '../runtime/errors'
import { covers } from '../runtime/manifest'
import type { Connection } from '../runtime/nats/connection'
import type { JetStream } from '../runtime/nats/jetstream'
import type { Log, StreamConfig } from '../runtime/types'
import type { Marks } from '../stores/marks'
import { existing } from './consumers'

export interface StreamSpec extends StreamConfig {
  name: string
  /** As a key-value bucket: the last value of each key, and no deletes. */
  bucket?: boolean
  /** Subjects of it that functions handle or send to. */
  needs?: string[]
}

interface ServerStream {
  config: Record<string, unknown> & { subjects?: string[]; description?: string }
}

interface Options {
  replicas?: number
  strict?: boolean
  /** Create nothing. */
  bindOnly?: boolean
  /** Create those that had been there and vanished, too. */
  anew?: boolean
  /** Those of ours that differ are brought to what is wanted next, so nothing that they lack is missed yet. */
  update?: boolean
  marks?: Marks
  log?: Log
}

const ns = (ms: number) => ms * 1e6
const absentMs = 2_000

/**
 * Creates the streams that are not there, once all that are there were found to be ours: else nothing is touched. One
 * that was there and has vanished took data with it, and is not quietly made anew.
 */
export async function ensureStreams(js: JetStream, specs: StreamSpec[], options: Options = {}): Promise<void> {
  const { replicas = 1, bindOnly, anew, marks, log } = options
  const found = await Promise.all(specs.map(({ name }) => existing<ServerStream>(js, `STREAM.INFO.${name}`)))
  for (const [index, stream] of found.entries()) {
    if (stream) await refuseForeign(stream, specs[index] as StreamSpec, options)
  }
  const missing = specs.filter((_, index) => !found[index])
  if (bindOnly && missing.length > 0) {
    throw configuration(`--bind-only: missing on the server: ${missing.map(({ name }) => name).join(', ')}`)
  }
  const lost = anew ? [] : await vanished(js, missing, marks)
  if (lost.length > 0) {
    throw configuration(
      `NATS_URL: ${lost.join(', ')}: there before and gone now, with all that was in it; put the server's data back, ` +
        'or make it anew with node runtime provision',
    )
  }
  await Promise.all(missing.map((spec) => createStream(js, spec, replicas)))
  if (!bindOnly) await Promise.all(specs.map(({ name }) => marks?.made(name)))
  for (const drift of driftOf(specs, found, replicas)) log?.warn(drift, 'a stream differs from what is wanted')
}

/**
 * What the marks know as made or used by us may carry other subjects than before, as long as it has what the functions
 * need. `strict`: nobody named this server, so what carries the same subjects must be described as ours, too.
 */
async function refuseForeign({ config }: ServerStream, spec: StreamSpec, options: Options): Promise<void> {
  const { name, subjects, description, needs = [] } = spec
  const { strict, update, marks } = options
  const carried = config.subjects ?? []
  if (carried.join() === subjects.join() && !(strict && config.description !== description)) return
  const ours = await marks?.wasMade(name)
  const lacking = needs.filter((need) => !carried.some((pattern) => covers(pattern, need)))
  if (ours && !strict && (update || lacking.length === 0)) return
  const carries = carried.join(', ') || 'nothing'
  if (ours && !strict) {
    throw configuration(
      `NATS_URL: the stream ${name} carries ${carries}, and the functions need ${lacking.join(', ')}; ${wayOut}`,
    )
  }
  throw configuration(
    `NATS_URL: the stream ${name} on this server is another system's: it carries ` +
      `${carries}${config.description ? ` («${config.description}»)` : ''}, ours ${subjects.join(', ')}` +
      (ours ? `; where it is ours all the same, ${wayOut}` : ''),
  )
}

const wayOut = 'node runtime provision --update brings it to functions/_streams.ts (--embedded starts its server)'

async function createStream(js: JetStream, spec: StreamSpec, replicas: number): Promise<void> {
  try {
    await js.api(`STREAM.CREATE.${spec.name}`, streamConfig(spec, replicas))
  } catch (error) {
    // 10058: another process was first; 10065: its subjects are in another stream, or in this one, made in between.
    if (hasCode(error, 10058)) return
    if (hasCode(error, 10065)) {
      if (await existing(js, `STREAM.INFO.${spec.name}`)) return
      throw configuration(`NATS_URL: another stream on this server carries ${spec.subjects.join(', ')} already`)
    }
    throw configuration(`stream ${spec.name}: ${(error as Error).message}`)
  }
}

async function vanished(js: JetStream, missing: StreamSpec[], marks: Marks | undefined): Promise<string[]> {
  const known = await Promise.all(missing.map(({ name }) => marks?.wasMade(name)))
  // Looked for once more: another process may have made and marked it since it was found missing.
  return missingStreams(
    js,
    missing.filter((_, index) => known[index]),
  )
}

export interface Drift {
  stream: string
  field: string
  server: unknown
  wanted: unknown
}

/** Where a stream on the server is not as manifest and environment want it, with both values in the server's units. */
export async function findDrift(js: JetStream, specs: StreamSpec[], replicas: number): Promise<Drift[]> {
  const found = await Promise.all(specs.map(({ name }) => existing<ServerStream>(js, `STREAM.INFO.${name}`)))
  return driftOf(specs, found, replicas)
}

function driftOf(specs: StreamSpec[], found: (ServerStream | undefined)[], replicas: number): Drift[] {
  return specs.flatMap((spec, index) => {
    const config = found[index]?.config
    if (!config) return []
    const wanted = Object.entries(streamConfig(spec, replicas)).filter(
      ([field, value]) => value !== undefined && String(value) !== String(config[field] ?? false),
    )
    return wanted.map(([field, value]) => ({ stream: spec.name, field, server: config[field], wanted: value }))
  })
}

/** Brings a stream to what is wanted; some fields, as its storage, cannot be changed, and the server says so. */
export async function updateStream(js: JetStream, spec: StreamSpec, replicas: number): Promise<void> {
  const { config } = await js.api<ServerStream>(`STREAM.INFO.${spec.name}`)
  await js.api(`STREAM.UPDATE.${spec.name}`, { ...config, ...streamConfig(spec, replicas) })
}

/** Those of the streams that are not on the server. */
export async function missingStreams(js: JetStream, specs: StreamSpec[]): Promise<string[]> {
  const found = await Promise.all(specs.map(({ name }) => existing(js, `STREAM.INFO.${name}`)))
  return specs.filter((_, index) => !found[index]).map(({ name }) => name)
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
      if (isAway(error) && ['no-responders', 'denied'].includes(error.reason)) throw error
      return js.api('INFO')
    })
  } catch (error) {
    if (isAway(error) && error.reason === 'denied') throw error
    const why = isAway(error) ? 'no answer from its JetStream; start it with -js' : (error as Error).message
    throw configuration(`NATS_URL: the server has no JetStream for us: ${why}`)
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
