import { baseContext, type Emission, faultless, type Ports, type Run, startRun } from './context'
import { check, messageContract, requestContract } from './contracts'
import { decode, type Headers, idempotencyKey, messageId, timeLeft, traceparent } from './envelope'
import { type Away, asError, isAway, isLater, isRejection, laterError, type Rejection, rejection } from './errors'
import type { FunctionEntry } from './manifest'

/** What came of one run of a handler; each mode says what that means to the broker. */
export type Outcome =
  | { kind: 'returned'; value: unknown; emitted: Emission[]; replayed: boolean }
  | { kind: 'refused'; rejection: Rejection }
  | { kind: 'failed'; error: Error }
  | { kind: 'away'; error: Away }
  | { kind: 'later'; ms: number }

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

/** Checks, runs and judges: from a message to an outcome, in that order and never with a throw. */
export async function invoke({ entry, handler }: LoadedFunction, incoming: Incoming, ports: Ports): Promise<Outcome> {
  let run: Run | undefined
  try {
    const headers = readable(incoming)
    const raw = decode(incoming.data)
    const body = checkBody(entry, incoming.subject, raw, ports)
    run = startRun(
      headers[messageId] || incoming.fallbackId,
      headers[traceparent],
      timeLimit(entry, headers, incoming.arrivedAt),
    )
    let replayed = false
    const fields = { subject: incoming.subject, attempt: incoming.attempt }
    const context = Object.assign(baseContext(entry, run, ports, fields), {
      attempt: incoming.attempt,
      seq: incoming.seq,
      message: { subject: incoming.subject, body },
      raw,
      idempotencyKey: headers[idempotencyKey],
      replayed: () => {
        replayed = true
      },
      later: (ms: number): never => {
        throw laterError(ms)
      },
    })
    const value = await inTime(run, () => handler(body, context))
    return { kind: 'returned', value: checkReply(entry, value, ports), emitted: run.emitted, replayed }
  } catch (thrown) {
    return outcomeOf(thrown)
  } finally {
    ports.log.debug({ function: entry.name, id: run?.id, attempt: incoming.attempt }, 'handled')
    run?.abort(ended)
  }
}

export function outcomeOf(thrown: unknown): Exclude<Outcome, { kind: 'returned' }> {
  if (isRejection(thrown)) return { kind: 'refused', rejection: thrown }
  if (isAway(thrown)) return { kind: 'away', error: thrown }
  if (isLater(thrown)) return { kind: 'later', ms: thrown.ms }
  return { kind: 'failed', error: asError(thrown) }
}

/** The handler's value, or an error once its time is over; the abandoned handler sees `signal` abort. */
export async function inTime<T>(run: Run, work: () => T | Promise<T>): Promise<T> {
  const limitMs = run.deadline - Date.now()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`the handler did not end within ${limitMs} ms`)
      // First, so that a handler which ends on the abort has run over its time all the same.
      reject(error)
      run.abort(error)
    }, limitMs)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}

function readable(incoming: Incoming): Headers {
  try {
    return incoming.headers()
  } catch {
    throw rejection(400, 'The headers of the message are malformed.')
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
