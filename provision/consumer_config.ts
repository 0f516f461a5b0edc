import { configuration } from '../runtime/errors'
import type { ConsumerSpec } from './consumers'

export type ConsumerConfig = Record<string, unknown>

export interface ConsumerDrift {
  field: string
  /** In the server's units. */
  server: unknown
  wanted: unknown
}

/** What no server changes, and with which the runtime gets nothing, or loses it. */
const fixed = ['ack_policy', 'deliver_subject']
/** With which messages, or their bodies, are lost in silence. */
const vital = ['max_deliver', 'headers_only']
const changeable = [
  ...vital,
  'max_ack_pending',
  'ack_wait',
  'backoff',
  'inactive_threshold',
  'max_batch',
  'max_expires',
]
/** Where a durable began is left alone: of one that is there it decides no more. */
const unchangeable = ['replay_policy']

export function wantedConfig(spec: ConsumerSpec): ConsumerConfig {
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

interface Circumstances {
  /** The subjects of the stream, as the server has them. */
  carried: string[]
  bindOnly: boolean
}

/** A durable for all of a stream has no filter, and gets one as soon as its stream carries more than that one subject. */
function sameMessages(given: unknown, wanted: string | undefined, carried: string[]): boolean {
  if (given === wanted || (wanted === undefined && given === '>')) return true
  if (given === undefined) return carried.includes(wanted as string)
  return wanted === undefined && carried.length === 1 && carried[0] === given
}

/** Throws, as a matter of configuration, where the function would lose messages or their order and this may not be changed. */
export function refuseUnsafe(given: ConsumerConfig, spec: ConsumerSpec, { carried, bindOnly }: Circumstances): void {
  const { name, filter, ordered } = spec
  const filters = [given.filter_subject, ...((given.filter_subjects as string[] | undefined) ?? [])].filter(Boolean)
  if (filters.length > 1 || !sameMessages(filters[0], filter, carried)) {
    throw configuration(
      `consumer ${name}: filters ${filters.join(', ') || 'nothing'} on the server, ${filter ?? 'nothing'} in the ` +
        'manifest; delete it there or rename the function: either begins anew',
    )
  }
  const bound = bindOnly ? [...vital, ...(ordered ? ['max_ack_pending'] : [])] : []
  const [unsafe] = differing(given, spec, [...fixed, ...bound])
  if (!unsafe) return
  throw configuration(
    `consumer ${name}: ${unsafe.field} is ${unsafe.server ?? 'not set'} on the server, wanted is ` +
      `${unsafe.wanted ?? 'not set'}; ${fixed.includes(unsafe.field) ? 'delete it there' : 'see node runtime provision'}`,
  )
}

/** Where the durable differs, in what can be brought to the policy and in what can only be told. */
export const driftOf = (given: ConsumerConfig, spec: ConsumerSpec) => ({
  toBring: differing(given, spec, [...changeable, ...(given.filter_subject ? [] : ['filter_subject'])]),
  toTell: differing(given, spec, unchangeable),
})

function differing(given: ConsumerConfig, spec: ConsumerSpec, fields: string[]): ConsumerDrift[] {
  const wanted = wantedConfig(spec)
  return fields
    .filter((field) => text(given[field]) !== text(wanted[field]))
    .map((field) => ({ field, server: given[field], wanted: wanted[field] }))
}

/** Servers leave out what is not set, or say it with a zero value. */
const text = (value: unknown): string => String(value || '')
