import { createHash, randomUUID } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import { nextTraceparent } from '../observe/trace'
import { check, messageContract, requestContract } from './contracts'
import { causeHeaders, encode, type Headers, idempotencyKey as keyHeader, traceparent } from './envelope'
import { rejection } from './errors'
import { type FunctionEntry, longestTimerMs } from './manifest'
import type { Gate } from './modes/gate'
import type { Observer } from './observe'
import type {
  BaseContext,
  Cause,
  Contracts,
  Ledger,
  LedgerDefinition,
  Log,
  Published,
  Reply,
  RequestOptions,
  Store,
} from './types'

/** A message on its way out: checked, named, not yet sent. */
export interface Emission {
  subject: string
  body: unknown
  id: string
  headers: Headers
}

/** What the runtime does for a handler; the handler's side knows no NATS. */
export interface Ports {
  contracts: Contracts
  local: EventEmitter
  log: Log
  /** Log field by field of a body, as the manifest names them. */
  logged: Record<string, string>
  observe: Required<Observer>
  gate: Gate
  /** Durable where a stream carries the subject, and then awaits the broker's ack. */
  send(emission: Emission, budgetMs?: number): Promise<void>
  /** Durable or an error; a duplicate tells what is stored. */
  publish(emission: Emission, budgetMs?: number): Promise<Published<unknown>>
  request(subject: string, body: unknown, options: { timeoutMs: number; headers: Headers }): Promise<Reply<unknown>>
  store(bucket: string, left: () => number): Store<unknown>
  ledger(name: string, definition: LedgerDefinition<never, never>, left: () => number): Ledger<never, never>
  settled(name: string, signal: AbortSignal, left: () => number, options?: { olderThanMs: number }): Promise<void>
  /** What is handled is history, handed again. */
  replaying?: boolean
}

/** One run of a handler: its deadline, its trace and what it has emitted so far. */
export interface Run {
  id: string
  traceparent: string
  /** Told with all that it sends. */
  cause: Cause
  timeoutMs: number
  deadline: number
  emitted: Emission[]
  /** Milliseconds for what it asks for now. */
  left(): number
  signal(): AbortSignal
  abort(reason: Error): void
}

type Begun = Partial<Record<'id' | 'traceparent' | 'causeId', string>> & { attempt?: number }

export function startRun({ name, policy }: FunctionEntry, { id, traceparent, causeId, attempt = 1 }: Begun): Run {
  const { timeoutMs } = policy
  let controller: AbortController | undefined
  let aborted: Error | undefined
  const run: Run = {
    id: id || randomUUID(),
    traceparent: nextTraceparent(traceparent),
    cause: { id: causeId, function: name, attempt },
    timeoutMs,
    deadline: Date.now() + timeoutMs,
    emitted: [],
    // Less than there is, so that silence is told as such before the handler's own time is over and counts as its failure.
    left() {
      const rest = run.deadline - Date.now()
      return Math.min(longestTimerMs, Math.max(1, Math.floor(Math.min(rest * 0.9, Math.max(rest - 50, rest / 2)))))
    },
    signal() {
      controller ??= new AbortController()
      if (aborted) controller.abort(aborted)
      return controller.signal
    },
    abort(reason) {
      aborted = reason
      controller?.abort(reason)
    },
  }
  return run
}

type AnyContext = BaseContext<Record<string, never>, Record<string, never>>
type AnyMessage = (subject: string, body: unknown) => Emission

/** What every handler gets; each use is held against what the function's manifest entry declares. */
export function baseContext(entry: FunctionEntry, run: Run, ports: Ports, fields: object): AnyContext {
  const emission = emissionOf(entry, run, ports)
  const { left } = run
  const context = {
    id: run.id,
    local: ports.local,
    get log() {
      return logOf(ports.log, fields)
    },
    get signal() {
      return run.signal()
    },
    emit: (subject: string, body: unknown) => void run.emitted.push(emission(subject, body)),
    async publish(subject: string, body: unknown) {
      const command = emission(subject, body)
      const published = await ports.publish(command, left())
      // What is decided next follows from the command, whether this process or a later one decides it.
      run.cause = { ...run.cause, id: command.id }
      return published
    },
    async request(subject: string, body: unknown, { timeoutMs = left(), idempotencyKey }: RequestOptions = {}) {
      declared(entry, 'requests', subject)
      const contract = requestContract(ports.contracts, subject)
      if (!contract) throw new Error(`${subject} has no request contract`)
      const headers = headersOf(run)
      if (idempotencyKey !== undefined) headers[keyHeader] = idempotencyKey
      const options = { timeoutMs: Math.min(timeoutMs, left()), headers }
      const reply = await ports.request(subject, check(contract.request, body), options)
      return { ...reply, body: faultless(() => check(contract.reply, reply.body), `the reply on ${subject}`) }
    },
    store: (bucket: string) => ports.store(declared(entry, 'stores', bucket), left),
    ledger: (name: string, definition: LedgerDefinition<never, never>) =>
      ports.ledger(declared(entry, 'ledgers', name), definition, left),
    settled: (name: string, options?: { olderThanMs: number }) =>
      ports.settled(declared(entry, 'awaits', name), run.signal(), left, options),
    check,
    reject(code: number, message: string, errors?: { pointer: string; detail: string }[]): never {
      throw rejection(code, message, errors)
    },
  }
  return context as unknown as AnyContext
}

/** Merged for each line, since a child logger would tell twice what the handler names again. */
function logOf(log: Log, fields: object): Log {
  const line = (level: keyof Log) => (more: object, text: string) => log[level]({ ...fields, ...more }, text)
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

function emissionOf(entry: FunctionEntry, run: Run, ports: Ports): AnyMessage {
  const sentBefore = new Map<string, number>()
  return (subject, body) => {
    const contract = messageContract(ports.contracts, declared(entry, 'emits', subject))
    if (!contract) throw new Error(`${subject} has no message contract`)
    const sent = faultless(() => check(contract.body, body), subject)
    if (!contract.id && entry.policy.batch !== undefined) {
      throw new Error(`${subject} has no id in its contract, without which a batch that comes again would repeat it`)
    }
    const id = contract.id?.(sent) ?? nameOf(subject, sent)
    return { subject, body: sent, id, headers: headersOf(run) }
  }

  /** For its cause and what it says, in whatever order, so that a repeat of the cause is a duplicate. */
  function nameOf(subject: string, sent: unknown): string {
    const hash = createHash('sha256').update(encode(sent)).digest('base64url').slice(0, 16)
    const name = `${entry.name}:${run.id}:${subject}:${hash}`
    const occurrence = (sentBefore.get(name) ?? 0) + 1
    sentBefore.set(name, occurrence)
    return `${name}:${occurrence}`
  }
}

const headersOf = (run: Run): Headers => ({ [traceparent]: run.traceparent, ...causeHeaders(run.cause) })

type Uses = 'emits' | 'requests' | 'stores' | 'ledgers' | 'awaits'

function declared(entry: FunctionEntry, field: Uses, name: string): string {
  if (!entry[field].includes(name))
    throw new Error(`${entry.name} uses ${name}, which its config.${field} does not list`)
  return name
}

/** What this side made wrongly is a fault, never a refusal of the message that is being handled. */
export function faultless<T>(make: () => T, what: string): T {
  try {
    return make()
  } catch (error) {
    throw new Error(`${what} breaks its contract: ${(error as Error).message}`)
  }
}
