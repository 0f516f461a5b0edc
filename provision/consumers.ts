import { configuration } from '../runtime/errors'
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
  config: { subjects?: string[] }
}

interface Options {
  marks: Marks
  log: Log
  bindOnly: boolean
  /** The streams were put back from a backup: floors of their former making hold. */
  restored?: boolean | undefined
}

/**
 * Creates the durable, or brings an existing one to the function's policy. One that has vanished goes on from its last
 * saved floor, one that is past the end of its stream from there; resolves with when its stream was made.
 */
export async function ensureConsumer(js: JetStream, spec: ConsumerSpec, options: Options): Promise<string> {
  const { stream, name } = spec
  const { log, bindOnly } = options
  const found = await existing<ConsumerInfo>(js, `CONSUMER.INFO.${stream}.${name}`)
  // Asked for after the durable, which is then past its end only where the stream has lost messages.
  const info = await js.api<StreamInfo>(`STREAM.INFO.${stream}`)
  if (found && found.delivered.stream_seq > info.state.last_seq) {
    await takeBack(js, spec, found, info, options)
  } else if (found) {
    const { config } = found
    const carried = info.config.subjects ?? []
    refuseUnsafe(config, spec, { carried, bindOnly })
    const { toBring, toTell } = driftOf(config, spec)
    for (const one of bindOnly ? [...toBring, ...toTell] : toTell) {
      log.warn({ consumer: name, ...one }, 'a consumer differs from what is wanted')
    }
    if (bindOnly || toBring.length === 0) return info.created
    for (const one of toBring) log.info({ consumer: name, ...one }, 'brought to the policy')
    const brought = Object.fromEntries(toBring.map(({ field, wanted }) => [field, wanted]))
    await put(js, spec, { ...config, ...brought })
  } else {
    if (bindOnly) throw configuration(`--bind-only: the consumer ${name} of ${stream} is missing on the server`)
    await create(js, spec, info, options)
  }
  return info.created
}

/**
 * A stream that has lost its newest messages, by a backup that is older than the durable's or by a power failure, gives
 * their numbers to others, of which the durable would skip what it had been given and redeliver what it had not acked.
 */
async function takeBack(js: JetStream, spec: ConsumerSpec, found: ConsumerInfo, info: StreamInfo, options: Options) {
  const { stream, name } = spec
  const { last_seq } = info.state
  const past = `the consumer ${name} is at ${found.delivered.stream_seq} of ${stream}, which ends at ${last_seq}`
  if (options.bindOnly) throw configuration(`--bind-only: ${past}; node runtime provision takes it back`)
  const seq = Math.min(found.ack_floor.stream_seq, last_seq)
  options.log.warn({ consumer: name, seq }, `${past}: it is made anew, from what it had acked`)
  await options.marks.saveFloor(stream, name, { seq, created: info.created, filter: spec.filter })
  await js.api(`CONSUMER.DELETE.${stream}.${name}`)
  await create(js, spec, info, options)
}

async function create(js: JetStream, spec: ConsumerSpec, { created, state }: StreamInfo, options: Options) {
  const { stream, name, filter, from } = spec
  const { marks, log, restored } = options
  const config = wantedConfig(spec)
  const floor = await marks.floor(stream, name)
  if (floor && floor.filter === filter && (floor.created === created || restored)) {
    // A stream that was put back from an older copy ends before the floor.
    const seq = Math.min(floor.seq, state.last_seq)
    log.warn({ consumer: name, seq }, 'the durable had vanished; it goes on from its last saved floor')
    Object.assign(config, { deliver_policy: 'by_start_sequence', opt_start_seq: seq + 1 })
  } else if (floor) {
    log.warn(
      { consumer: name, floor, filter },
      'the durable had vanished; its floor is of something else, it begins anew',
    )
  }
  const { ack_floor } = await put(js, spec, config)
  // Where a durable begins with what is new, a later one of its name must not begin later.
  if (from === 'new') await marks.saveFloor(stream, name, { seq: ack_floor.stream_seq, created, filter })
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
