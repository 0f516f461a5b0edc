import { randomUUID } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import { check, messageContract, requestContract } from './contracts'
import { type Headers, idempotencyKey as keyHeader, traceparent } from './envelope'
import { rejection } from './errors'
import type { FunctionEntry } from './manifest'
import type { Observer } from './observe'
import { nextTraceparent } from './trace'
import type {
  BaseContext,
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
  traceparent: string
}

/** What the runtime does for a handler; the handler's side knows no NATS. */
export interface Ports {
  contracts: Contracts
  local: EventEmitter
  log: Log
  /** Log field by field of a body, as the manifest names them. */
  logged: Record<string, string>
  observe: Required<Observer>
  /** Durable where a stream carries the subject, and then awaits the broker's ack. */
  send(emission: Emission, budgetMs?: number): Promise<void>
  /** Durable or an error; a duplicate tells what is stored. */
  publish(emission: Emission, budgetMs?: number): Promise<Published<unknown>>
  request(subject: string, body: unknown, options: { timeoutMs: number; headers: Headers }): Promise<Reply<unknown>>
  store(bucket: string): Store<unknown>
  ledger(name: string, definition: LedgerDefinition<never, never>): Ledger<never, never>
  settled(name: string, signal: AbortSignal): Promise<void>
}

/** One run of a handler: its deadline, its trace and what it has emitted so far. */
export interface Run {
  id: string
  traceparent: string
  timeoutMs: number
  deadline: number
  emitted: Emission[]
  signal(): AbortSignal
  abort(reason: Error): void
}

export function startRun(id: string | undefined, traceparent: string | undefined, timeoutMs: number): Run {
  let controller: AbortController | undefined
  let aborted: Error | undefined
  return {
    id: id || randomUUID(),
    traceparent: nextTraceparent(traceparent),
    timeoutMs,
    deadline: Date.now() + timeoutMs,
    emitted: [],
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
}

type AnyContext = BaseContext<Record<string, never>, Record<string, never>>
type AnyMessage = (subject: string, body: unknown) => Emission

/** What every handler gets; each use is held against what the function's manifest entry declares. */
export function baseContext(entry: FunctionEntry, run: Run, ports: Ports, fields: object): AnyContext {
  const emission = emissionOf(entry, run, ports)
  // Less than there is, so that silence is told as such before the handler's own time is over and counts as its failure.
  const left = () => Math.max(1, Math.floor((run.deadline - Date.now()) * 0.9))
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
    publish: async (subject: string, body: unknown) => ports.publish(emission(subject, body), left()),
    async request(subject: string, body: unknown, { timeoutMs = left(), idempotencyKey }: RequestOptions = {}) {
      declared(entry, 'requests', subject)
      const contract = requestContract(ports.contracts, subject)
      if (!contract) throw new Error(`${subject} has no request contract`)
      const headers: Headers = { [traceparent]: run.traceparent }
      if (idempotencyKey !== undefined) headers[keyHeader] = idempotencyKey
      const options = { timeoutMs: Math.min(timeoutMs, left()), headers }
      const reply = await ports.request(subject, check(contract.request, body), options)
      return { ...reply, body: faultless(() => check(contract.reply, reply.body), `the reply on ${subject}`) }
    },
    store: (bucket: string) => ports.store(declared(entry, 'stores', bucket)),
    ledger: (name: string, definition: LedgerDefinition<never, never>) =>
      ports.ledger(declared(entry, 'ledgers', name), definition),
    settled: (name: string) => ports.settled(declared(entry, 'awaits', name), run.signal()),
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
  let count = 0
  return (subject, body) => {
    const contract = messageContract(ports.contracts, declared(entry, 'emits', subject))
    if (!contract) throw new Error(`${subject} has no message contract`)
    const sent = faultless(() => check(contract.body, body), subject)
    if (!contract.id && entry.policy.batch !== undefined) {
      throw new Error(`${subject} has no id in its contract, without which a batch that comes again would repeat it`)
    }
    // Without an id of its own a message is named for what caused it, so that a repeat of the cause is a duplicate.
    const id = contract.id?.(sent) ?? `${entry.name}:${run.id}:${++count}`
    return { subject, body: sent, id, traceparent: run.traceparent }
  }
}

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
