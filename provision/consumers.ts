import { configuration } from '../runtime/errors'
import { isMissing, type JetStream } from '../runtime/nats/jetstream'
import type { Log } from '../runtime/types'
import type { Marks } from '../stores/marks'

export interface ConsumerSpec {
  stream: string
  name: string
  /** Undefined for all that the stream holds: a filter makes an old server scan. */
  filter: string | undefined
  ackWaitMs: number
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
  const { log, marks, bindOnly } = options
  const { created, config: carrying } = await js.api<StreamInfo>(`STREAM.INFO.${stream}`)
  const found = await existing<ConsumerInfo>(js, `CONSUMER.INFO.${stream}.${name}`)
  const wanted = consumerConfig(spec)
  if (found) {
    const given = found.config
    const same = sameMessages(given.filter_subject, wanted.filter_subject, carrying.subjects ?? [])
    if (!same && given.filter_subject !== '>') {
      throw configuration(
        `consumer ${name}: filters ${given.filter_subject ?? 'nothing'} on the server, ` +
          `${wanted.filter_subject ?? 'nothing'} in the manifest; delete it there or rename the function`,
      )
    }
    const fields = ['ack_wait', 'max_ack_pending', ...(given.filter_subject === undefined ? ['filter_subject'] : [])]
    const differing = fields.filter((field) => given[field] !== wanted[field])
    if (differing.length === 0 || bindOnly) return created
    for (const field of differing) {
      log.info({ consumer: name, field, server: given[field], wanted: wanted[field] }, 'the policy is brought to it')
    }
    const { deliver_policy, opt_start_seq, opt_start_time } = given
    Object.assign(wanted, { deliver_policy, opt_start_seq, opt_start_time })
  } else {
    if (bindOnly) throw configuration(`--bind-only: the consumer ${name} of ${stream} is missing on the server`)
    const floor = await marks.floor(stream, name)
    if (floor?.created === created) {
      log.warn({ consumer: name, seq: floor.seq }, 'the durable had vanished; it goes on from its last saved floor')
      Object.assign(wanted, { deliver_policy: 'by_start_sequence', opt_start_seq: floor.seq + 1 })
    }
  }
  const made = await js.api<ConsumerInfo>(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, {
    stream_name: stream,
    config: wanted,
  })
  // Where a durable begins with what is new, a later one of its name must not begin later.
  if (!found && spec.from === 'new') await marks.saveFloor(stream, name, { seq: made.delivered.stream_seq, created })
  return created
}

/** A durable for all of a stream has no filter, and gets one as soon as its stream carries more than that one subject. */
function sameMessages(given: unknown, wanted: unknown, carried: string[]): boolean {
  if (given === wanted) return true
  if (given === undefined) return carried.includes(wanted as string)
  return wanted === undefined && carried.length === 1 && carried[0] === given
}

export async function existing<T>(js: JetStream, subject: string): Promise<T | undefined> {
  try {
    return await js.api<T>(subject)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function consumerConfig(spec: ConsumerSpec): Record<string, unknown> {
  return {
    durable_name: spec.name,
    ack_policy: 'explicit',
    deliver_policy: spec.from,
    replay_policy: 'instant',
    ack_wait: spec.ackWaitMs * 1e6,
    // Unlimited at the broker: the runtime looks at the count before it runs the handler.
    max_deliver: -1,
    max_ack_pending: spec.mostUnacked,
    filter_subject: spec.filter,
  }
}
