import { Context, type Emission, faultless, type Ports } from './context'
import { check, messageContract, requestContract } from './contracts'
import {
  causedBy,
  causeIn,
  type Data,
  decode,
  type Headers,
  idempotencyKey,
  isNewKey,
  messageId,
  timeLeft,
  traceparent,
} from './envelope'
import { type Away, asError, isAway, isLater, isRejection, laterError, type Rejection, rejection } from './errors'
import { inTime, isPromise } from './in_time'
import type { FunctionEntry } from './manifest'
import { Run } from './run'
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
  deliver?(returned: Returned, leftMs: number): Promise<unknown> | undefined
  /** It runs alone already. */
  isAlone?: boolean
}

export interface Incoming {
  subject: string
  data: Data
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
  run: Run
}

type Several = [Incoming, ...Incoming[]]

/** Checks, runs and judges: from messages (more than one in a batch) to an outcome, in that order and never with a throw. */
export async function invoke(
  fn: LoadedFunction,
  incoming: Several,
  ports: Ports,
  { deliver, isAlone }: Options = {},
): Promise<Judged> {
  const { entry } = fn
  const [{ subject, attempt, fallbackId }] = incoming
  const headers = readable(incoming[0])
  const id = headers?.[messageId] || fallbackId
  // A request has no id: it stands for what made its caller ask. Of several messages nobody knows which one it was.
  const causeId = incoming.length > 1 ? undefined : (id ?? (headers?.[causedBy] || subject))
  const run = new Run(entry, subject, headers?.[traceparent], attempt, { id, causeId })
  const passing = { run, asked: entry.mode === 'rpc', isAlone, place: undefined }
  const turn = ports.gate.begin(passing)
  if (turn) await turn
  try {
    const began = performance.now()
    run.startedAt = Date.now()
    ports.observe.began(run)
    const coming = outcomeFrom(fn, incoming, { run, ports, deliver })
    const outcome = isPromise(coming) ? await coming : coming
    ports.observe.ended(run, outcome.kind, performance.now() - began, errorOf(outcome))
    if (ports.debugs) ports.log.debug({ ...run.fields(ports.logged), ending: outcome.kind }, 'handled')
    run.abort(ended)
    return { outcome, run }
  } finally {
    ports.gate.end(passing)
  }
}

interface Setting {
  run: Run
  ports: Ports
  deliver: Options['deliver']
}

/** At once, where the handler and what it leads to wait for nothing: a promise costs more than many a handler. */
function outcomeFrom(
  { entry, handler }: LoadedFunction,
  incoming: Several,
  { run, ports, deliver }: Setting,
): Outcome | Promise<Outcome> {
  try {
    const messages = incoming.map((one) => messageOf(entry, one, ports)) as [Message, ...Message[]]
    const [first] = messages
    run.limitTo(timeLimit(entry, first.headers, incoming[0].arrivedAt))
    run.raw = first.raw
    const context = new MessageContext(run, ports, messages)
    const body = entry.policy.batch === undefined ? first.body : messages.map(({ body }) => body)
    const settle = (value: unknown): Returned | Promise<Returned> => {
      const checked = checkReply(entry, value, ports)
      const returned: Returned = { kind: 'returned', value: checked, emitted: run.emitted, replayed: context.isRepeat }
      return deliver?.(returned, run.left())?.then(() => returned) ?? returned
    }
    const value = inTime(run, () => handler(body, context))
    const outcome = isPromise(value) ? value.then(settle) : settle(value)
    return isPromise<Outcome>(outcome) ? outcome.catch(outcomeOf) : outcome
  } catch (thrown) {
    return outcomeOf(thrown)
  }
}

/** One message, as its handler sees it. */
class Message {
  constructor(
    incoming: Incoming,
    readonly raw: unknown,
    readonly body: unknown,
    readonly headers: Headers,
    readonly subject = incoming.subject,
    readonly attempt = incoming.attempt,
    readonly seq = incoming.seq,
    readonly id = headers[messageId] || incoming.fallbackId,
  ) {}

  get cause(): Cause | undefined {
    return causeIn(this.headers)
  }
}

function messageOf(entry: FunctionEntry, incoming: Incoming, ports: Ports): Message {
  const headers = readable(incoming)
  if (!headers) throw rejection(400, 'The headers of the message are malformed.')
  const raw = decode(incoming.data)
  return new Message(incoming, raw, checkBody(entry, incoming.subject, raw, ports), headers)
}

class MessageContext extends Context {
  isRepeat = false

  constructor(
    run: Run,
    ports: Ports,
    readonly messages: readonly [Message, ...Message[]],
    readonly replaying = ports.replaying ?? false,
    readonly message = messages[0],
    readonly attempt = message.attempt,
    readonly seq = message.seq,
    readonly raw = message.raw,
    readonly later = putOff,
  ) {
    super(run, ports)
  }

  get cause() {
    return this.message.cause
  }

  get idempotencyKey() {
    return this.message.headers[idempotencyKey]
  }

  get isNewKey() {
    return this.message.headers[isNewKey] === 'true'
  }

  get replayed() {
    return () => {
      this.isRepeat = true
    }
  }
}

function putOff(ms: number): never {
  if (Number.isFinite(ms) && ms >= 0) throw laterError(ms)
  throw new Error(`later takes a finite number of milliseconds from 0 on, not ${ms}`)
}

const errorOf = (outcome: Outcome): Error | undefined =>
  outcome.kind === 'refused' ? outcome.rejection : 'error' in outcome ? outcome.error : undefined

export function outcomeOf(thrown: unknown): Exclude<Outcome, { kind: 'returned' }> {
  if (isRejection(thrown)) return { kind: 'refused', rejection: thrown }
  if (isAway(thrown)) return { kind: 'away', error: thrown }
  if (isLater(thrown)) return { kind: 'later', ms: thrown.ms }
  return { kind: 'failed', error: asError(thrown) }
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
