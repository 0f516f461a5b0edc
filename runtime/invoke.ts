import { traceId } from '../observe/trace'
import { baseContext, type Emission, faultless, type Ports, type Run, startRun } from './context'
import { check, messageContract, requestContract } from './contracts'
import { causedBy, causeIn, decode, type Headers, idempotencyKey, messageId, timeLeft, traceparent } from './envelope'
import { type Away, asError, isAway, isLater, isRejection, laterError, type Rejection, rejection } from './errors'
import type { FunctionEntry } from './manifest'
import type { Observed } from './observe'
import type { Cause } from './types'

/** What came of one run of a handler; each mode says what that means to the broker. */
export type Outcome =
  | { kind: 'returned'; value: unknown; emitted: Emission[]; replayed: boolean }
  | { kind: 'refused'; rejection: Rejection }
  | { kind: 'failed'; error: Error }
  | { kind: 'away'; error: Away }
  | { kind: 'later'; ms: number }

export type Returned = Extract<Outcome, { kind: 'returned' }>

interface Options {
  /** Sends what it returned and emitted, with what is left of its time: it has returned once that is done. */
  deliver?(returned: Returned, leftMs: number): Promise<void>
  /** It runs alone already. */
  isAlone?: boolean
}

export interface Incoming {
  subject: string
  data: Uint8Array
  /** Throws where they are malformed. */
  headers(): Headers
  /** 1 on the first delivery. */
  attempt: number
  seq?: number
  /** When it came, where that may be long before its turn. */
  arrivedAt?: number
  /** Names a message that came without a `Nats-Msg-Id`. */
  fallbackId?: string
}

// biome-ignore lint/suspicious/noExplicitAny: the types of a handler end at its bundle
export type Handler = (...given: any[]) => unknown

export interface LoadedFunction {
  entry: FunctionEntry
  handler: Handler
}

// One for all, since an error is made with its stack and every message ends.
const ended = new Error('the handler has ended')

export interface Judged {
  outcome: Outcome
  /** What every log line about this run tells: function, message id, attempt, trace, and what the manifest names. */
  fields: object
}

/** Checks, runs and judges: from messages (more than one in a batch) to an outcome, in that order and never with a throw. */
export async function invoke(
  fn: LoadedFunction,
  incoming: [Incoming, ...Incoming[]],
  ports: Ports,
  { deliver, isAlone }: Options = {},
): Promise<Judged> {
  const { entry } = fn
  const [first] = incoming
  const headers = readable(first)
  const id = headers?.[messageId] || first.fallbackId
  // A request has no id: it stands for what made its caller ask. Of several messages nobody knows which one it was.
  const causeId = incoming.length > 1 ? undefined : (id ?? (headers?.[causedBy] || first.subject))
  const run = startRun(entry, { id, causeId, traceparent: headers?.[traceparent], attempt: first.attempt })
  const trace = traceId(run.traceparent)
  return ports.gate.run({ trace, asked: entry.mode === 'rpc', isAlone }, async () => {
    const began = performance.now()
    const observed: Observed = {
      entry,
      subject: first.subject,
      id: run.id,
      attempt: first.attempt,
      startedAt: Date.now(),
      traceparent: run.traceparent,
      parent: headers?.[traceparent],
    }
    const fields = { function: entry.name, id: run.id, attempt: first.attempt, trace }
    ports.observe.began(observed)
    const outcome = await outcomeFrom(fn, incoming, { run, ports, fields, deliver })
    ports.observe.ended(observed, outcome.kind, performance.now() - began, errorOf(outcome))
    ports.log.debug({ ...fields, ending: outcome.kind }, 'handled')
    run.abort(ended)
    return { outcome, fields }
  })
}

interface Setting {
  run: Run
  ports: Ports
  fields: object
  deliver: Options['deliver']
}

async function outcomeFrom(
  { entry, handler }: LoadedFunction,
  incoming: [Incoming, ...Incoming[]],
  { run, ports, fields, deliver }: Setting,
): Promise<Outcome> {
  try {
    const messages = incoming.map((one) => messageOf(entry, one, ports)) as [Message, ...Message[]]
    const [first] = messages
    run.timeoutMs = timeLimit(entry, first.headers, first.arrivedAt)
    run.deadline = Date.now() + run.timeoutMs
    Object.assign(fields, named(ports.logged, first.raw))
    let replayed = false
    const context = Object.assign(baseContext(entry, run, ports, fields), {
      attempt: first.attempt,
      seq: first.seq,
      cause: first.cause,
      message: first.message,
      raw: first.raw,
      messages: messages.map(({ message, headers, arrivedAt, ...told }) => ({ ...message, ...told })),
      replaying: ports.replaying ?? false,
      idempotencyKey: first.headers[idempotencyKey],
      replayed: () => {
        replayed = true
      },
      later: (ms: number): never => {
        if (Number.isFinite(ms) && ms >= 0) throw laterError(ms)
        throw new Error(`later takes a finite number of milliseconds from 0 on, not ${ms}`)
      },
    })
    const body = entry.policy.batch === undefined ? first.message.body : messages.map(({ message }) => message.body)
    const value = await inTime(run, () => handler(body, context))
    const checked = checkReply(entry, value, ports)
    const returned: Returned = { kind: 'returned', value: checked, emitted: run.emitted, replayed }
    await deliver?.(returned, run.left())
    return returned
  } catch (thrown) {
    return outcomeOf(thrown)
  }
}

interface Message extends Pick<Incoming, 'attempt' | 'seq' | 'arrivedAt'> {
  headers: Headers
  id: string | undefined
  cause: Cause | undefined
  raw: unknown
  message: { subject: string; body: unknown }
}

function messageOf(entry: FunctionEntry, incoming: Incoming, ports: Ports): Message {
  const headers = readable(incoming)
  if (!headers) throw rejection(400, 'The headers of the message are malformed.')
  const { subject, attempt, seq, arrivedAt } = incoming
  const raw = decode(incoming.data)
  const message = { subject, body: checkBody(entry, subject, raw, ports) }
  const id = headers[messageId] || incoming.fallbackId
  return { headers, id, cause: causeIn(headers), raw, attempt, seq, arrivedAt, message }
}

/** What a body says under the names that the manifest asks to be logged. */
function named(logged: Record<string, string>, raw: unknown): object {
  const found: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(logged)) {
    const value = (raw as Record<string, unknown> | null)?.[field]
    if (typeof value === 'string' || typeof value === 'number') found[name] = String(value).slice(0, 200)
  }
  return found
}

const errorOf = (outcome: Outcome): Error | undefined =>
  outcome.kind === 'refused' ? outcome.rejection : 'error' in outcome ? outcome.error : undefined

export function outcomeOf(thrown: unknown): Exclude<Outcome, { kind: 'returned' }> {
  if (isRejection(thrown)) return { kind: 'refused', rejection: thrown }
  if (isAway(thrown)) return { kind: 'away', error: thrown }
  if (isLater(thrown)) return { kind: 'later', ms: thrown.ms }
  return { kind: 'failed', error: asError(thrown) }
}

/** The handler's value, or an error once its time is over; the abandoned handler sees `signal` abort. */
export async function inTime<T>(run: Run, work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`the handler did not end within ${run.timeoutMs} ms`)
      // First, so that a handler which ends on the abort has run over its time all the same.
      reject(error)
      run.abort(error)
    }, run.timeoutMs)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Undefined where they are malformed. */
function readable(incoming: Incoming): Headers | undefined {
  try {
    return incoming.headers()
  } catch {
    return undefined
  }
}

/** Requests are strict; in events unknown fields are dropped, so that they can grow. */
function checkBody(entry: FunctionEntry, subject: string, raw: unknown, ports: Ports): unknown {
  if (entry.mode === 'rpc') {
    const contract = requestContract(ports.contracts, subject)
    if (!contract) throw new Error(`${subject} has no request contract`)
    return check(contract.request, raw)
  }
  const contract = messageContract(ports.contracts, subject)
  if (!contract) throw rejection(400, `No contract says what ${subject} carries.`)
  return check(contract.body, raw, true)
}

function checkReply(entry: FunctionEntry, value: unknown, ports: Ports): unknown {
  if (entry.mode !== 'rpc') return undefined
  const contract = requestContract(ports.contracts, entry.subject as string)
  return faultless(() => contract && check(contract.reply, value), `the reply of ${entry.name}`)
}

/** The policy's, or what is left of the caller's if that is less; for a caller who has gone nothing is done. */
function timeLimit({ mode, policy }: FunctionEntry, headers: Headers, arrivedAt = Date.now()): number {
  const given = mode === 'rpc' ? Number(headers[timeLeft]) : Number.NaN
  if (!(given > 0)) return policy.timeoutMs
  const left = given - (Date.now() - arrivedAt)
  if (left <= 0) throw rejection(503, 'The time of the caller was over before its turn came.')
  return Math.min(left, policy.timeoutMs)
}
