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
}

/**
 * Creates the durable, or brings an existing one to the function's policy. One that has vanished goes on from its last
 * saved floor; resolves with when its stream was made.
 */
export async function ensureConsumer(js: JetStream, spec: ConsumerSpec, options: Options): Promise<string> {
  const { stream, name } = spec
  const { log, bindOnly } = options
  const info = await js.api<StreamInfo>(`STREAM.INFO.${stream}`)
  const found = await existing<ConsumerInfo>(js, `CONSUMER.INFO.${stream}.${name}`)
  if (found) {
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

async function create(js: JetStream, spec: ConsumerSpec, { created, state }: StreamInfo, { marks, log }: Options) {
  const { stream, name, filter, from } = spec
  const config = wantedConfig(spec)
  const floor = await marks.floor(stream, name)
  if (floor?.created === created && floor.filter === filter) {
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
