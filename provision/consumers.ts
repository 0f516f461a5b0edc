import { setTimeout as sleep } from 'node:timers/promises'
import { asError, configuration } from '../runtime/errors'
import { isMissing, type JetStream } from '../runtime/nats/jetstream'
import type { Log } from '../runtime/types'
import type { Marks } from '../stores/marks'
import { driftOf, refuseUnsafe, wantedConfig } from './consumer_config'

export interface ConsumerSpec {
  stream: string
  name: string
  /** Undefined for all that the stream holds: a filter makes an old server scan. */
  filter: string | undefined
  ackWaitMs: number
  ordered: boolean
  mostUnacked: number
  from: 'all' | 'new'
}

export interface ConsumerInfo {
  config: Record<string, unknown>
  delivered: { stream_seq: number }
  ack_floor: { stream_seq: number }
  num_pending: number
  num_ack_pending: number
}

interface StreamInfo {
  created: string
  state: { last_seq: number }
  config: { subjects?: string[]; retention?: string }
  cluster?: object
}

interface Ensured {
  /** When the stream was made. */
  created: string
  /** Whether what was acked before is acked still. */
  acksHold: boolean
}

const lagMs = 1_000

interface Options {
  marks: Marks
  log: Log
  bindOnly: boolean
  /** The streams were put back from a backup: floors of their former making hold. */
  restored?: boolean | undefined
}

/**
 * Creates the durable, or brings an existing one to the function's policy. One that has vanished goes on from its last
 * saved floor; one that is past the end of its stream is made anew.
 */
export async function ensureConsumer(js: JetStream, spec: ConsumerSpec, options: Options): Promise<Ensured> {
  const { stream, name } = spec
  const { log, bindOnly } = options
  const found = await existing<ConsumerInfo>(js, `CONSUMER.INFO.${stream}.${name}`)
  // Asked for after the durable, which on one server is then past its end only where the stream has lost messages.
  const info = await js.api<StreamInfo>(`STREAM.INFO.${stream}`)
  const { created } = info
  if (!found) {
    if (bindOnly) throw configuration(`--bind-only: the consumer ${name} of ${stream} is missing on the server`)
    await putBack(js, spec, info, options)
    return { created, acksHold: true }
  }
  const { config } = found
  const carried = info.config.subjects ?? []
  refuseUnsafe(config, spec, { carried, bindOnly })
  if (await isPastEnd(js, spec, found, info)) {
    await takeBack(js, spec, found, info, options)
    return { created, acksHold: false }
  }
  const { toBring, toTell } = driftOf(config, spec)
  for (const one of bindOnly ? [...toBring, ...toTell] : toTell) {
    log.warn({ consumer: name, ...one }, 'a consumer differs from what is wanted')
  }
  if (!bindOnly && toBring.length > 0) {
    for (const one of toBring) log.info({ consumer: name, ...one }, 'brought to the policy')
    const brought = Object.fromEntries(toBring.map(({ field, wanted }) => [field, wanted]))
    await put(js, spec, { ...config, ...brought })
  }
  return { created, acksHold: true }
}

/**
 * Whether the stream has lost its newest messages, by a power failure or by a backup that is older than the durable's. It
 * gives their numbers out again, and the durable would skip what it had been given, or redeliver what it had not acked.
 */
async function isPastEnd(js: JetStream, { stream }: ConsumerSpec, found: ConsumerInfo, info: StreamInfo) {
  const { stream_seq } = found.delivered
  if (stream_seq <= info.state.last_seq || info.config.retention !== 'limits') return false
  if (!info.cluster) return true
  // The node that tells of the stream may lag behind the one that tells of the durable.
  await sleep(lagMs)
  return stream_seq > (await js.api<StreamInfo>(`STREAM.INFO.${stream}`)).state.last_seq
}

/**
 * From where it began, since nobody knows how many of the lost numbers have been given out again. Of streams that were
 * just put back none was.
 */
async function takeBack(js: JetStream, spec: ConsumerSpec, found: ConsumerInfo, info: StreamInfo, options: Options) {
  const { stream, name, filter } = spec
  const { last_seq } = info.state
  const past = `the consumer ${name} is at ${found.delivered.stream_seq} of ${stream}, which ends at ${last_seq}`
  if (options.bindOnly) throw configuration(`--bind-only: ${past}; node runtime provision makes it anew`)
  const seq = Math.min(options.restored ? last_seq : beganAfter(found.config), found.ack_floor.stream_seq, last_seq)
  options.log.warn({ consumer: name, seq }, `${past}: made anew, it goes on after ${seq}`)
  await options.marks.saveFloor(stream, name, { seq, created: info.created, filter })
  // Another process may be at it: whether it is made anew matters, not who deleted it.
  const failed = await existing(js, `CONSUMER.DELETE.${stream}.${name}`).then(() => undefined, asError)
  await create(js, spec, seq).catch((error) => {
    throw failed ?? error
  })
}

function beganAfter({ deliver_policy, opt_start_seq }: ConsumerInfo['config']): number {
  if (deliver_policy === 'all') return 0
  return deliver_policy === 'by_start_sequence' ? Number(opt_start_seq) - 1 : Number.POSITIVE_INFINITY
}

async function putBack(js: JetStream, spec: ConsumerSpec, { created, state }: StreamInfo, options: Options) {
  const { stream, name, filter, from } = spec
  const { marks, log, restored } = options
  const floor = await marks.floor(stream, name)
  if (floor && floor.filter === filter && (floor.created === created || restored)) {
    // A stream that was put back from an older copy ends before the floor.
    const seq = Math.min(floor.seq, state.last_seq)
    log.warn({ consumer: name, seq }, 'the durable had vanished; it goes on from its last saved floor')
    await create(js, spec, seq)
    return
  }
  if (floor) {
    log.warn(
      { consumer: name, floor, filter },
      'the durable had vanished; its floor is of something else, it begins anew',
    )
  }
  const { ack_floor } = await create(js, spec)
  // Where a durable begins with what is new, a later one of its name must not begin later; and a floor of something else is over.
  if (floor || from === 'new') await marks.saveFloor(stream, name, { seq: ack_floor.stream_seq, created, filter })
}

const create = (js: JetStream, spec: ConsumerSpec, floor?: number): Promise<ConsumerInfo> => {
  const start = floor === undefined ? {} : { deliver_policy: 'by_start_sequence', opt_start_seq: floor + 1 }
  return put(js, spec, { ...wantedConfig(spec), ...start })
}

const put = (js: JetStream, { stream, name }: ConsumerSpec, config: object) =>
  js.api<ConsumerInfo>(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, { stream_name: stream, config })

export async function existing<T>(js: JetStream, subject: string): Promise<T | undefined> {
  try {
    return await js.api<T>(subject)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
