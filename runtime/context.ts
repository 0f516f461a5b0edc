import { createHash } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { Observer } from '../observe/observer'
import { nextTraceparent } from '../observe/trace'
import { check, messageContract, requestContract } from './contracts'
import {
  causeHeaders,
  encode,
  type Headers,
  idempotencyKey as keyHeader,
  isNewKey as newHeader,
  traceparent,
} from './envelope'
import { rejection } from './errors'
import type { FunctionEntry } from './manifest'
import type { Gate } from './modes/gate'
import type { Run } from './run'
import type {
  Contracts,
  FieldError,
  Ledger,
  LedgerDefinition,
  Log,
  Published,
  Reply,
  RequestOptions,
  Store,
  Struct,
} from './types'

/** A message on its way out: checked, named, not yet sent. */
export interface Emission {
  subject: string
  body: unknown
  id: string
  headers: Headers
}

/** The message of a batch that an emission follows from. */
type Source = { id: string | undefined; attempt: number; headers?: Headers }

/** What the runtime does for a handler; the handler's side knows no NATS. */
export interface Ports {
  contracts: Contracts
  local: EventEmitter
  log: Log
  /** A line for each run is wanted. */
  debugs: boolean
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

/**
 * What every handler gets; each use is held against what the function's manifest entry declares. Getters, so that a run
 * pays for what its handler names alone, and what is named needs no `this`.
 */
export class Context {
  readonly #run: Run
  readonly #ports: Ports
  #sentBefore: Map<string, number> | undefined

  constructor(run: Run, ports: Ports) {
    this.#run = run
    this.#ports = ports
  }

  get id() {
    return this.#run.id
  }

  get local() {
    return this.#ports.local
  }

  get log() {
    return logOf(this.#ports.log, this.#run.fields(this.#ports.logged))
  }

  get signal() {
    return this.#run.signal
  }

  get emit() {
    return (subject: string, body: unknown, of?: Source) =>
      void this.#run.emitted.push(this.#emission(subject, body, of))
  }

  get publish() {
    return async (subject: string, body: unknown) => {
      const command = this.#emission(subject, body)
      const published = await this.#ports.publish(command, this.#run.left())
      // What is decided next follows from the command, whether this process or a later one decides it.
      this.#run.cause = { ...this.#run.cause, id: command.id }
      return published
    }
  }

  get request() {
    const { left, entry } = this.#run
    const { contracts, request } = this.#ports
    return async (
      subject: string,
      body: unknown,
      { timeoutMs = left(), idempotencyKey, isNewKey }: RequestOptions = {},
    ) => {
      declared(entry, 'requests', subject)
      const contract = requestContract(contracts, subject)
      if (!contract) throw new Error(`${subject} has no request contract`)
      const headers = headersOf(this.#run)
      if (idempotencyKey !== undefined) headers[keyHeader] = idempotencyKey
      if (isNewKey) headers[newHeader] = 'true'
      const options = { timeoutMs: Math.min(timeoutMs, left()), headers }
      const reply = await request(subject, check(contract.request, body), options)
      return { ...reply, body: faultless(() => check(contract.reply, reply.body), `the reply on ${subject}`) }
    }
  }

  get store() {
    return (bucket: string) => this.#ports.store(declared(this.#run.entry, 'stores', bucket), this.#run.left)
  }

  get ledger() {
    const { entry, left } = this.#run
    return (name: string, definition: LedgerDefinition<never, never>) =>
      this.#ports.ledger(declared(entry, 'ledgers', name), definition, left)
  }

  get settled() {
    const { entry, left } = this.#run
    return (name: string, options?: { olderThanMs: number }) =>
      this.#ports.settled(declared(entry, 'awaits', name), this.#run.signal, left, options)
  }

  check<T>(struct: Struct<T>, value: unknown): T {
    return check(struct, value)
  }

  reject(code: number, message: string, errors?: FieldError[]): never {
    throw rejection(code, message, errors)
  }

  #emission(subject: string, body: unknown, of?: Source): Emission {
    const { entry } = this.#run
    const contract = messageContract(this.#ports.contracts, declared(entry, 'emits', subject))
    if (!contract) throw new Error(`${subject} has no message contract`)
    const sent = faultless(() => check(contract.body, body), subject)
    if (!contract.id && entry.policy.batch !== undefined) {
      throw new Error(`${subject} has no id in its contract, without which a batch that comes again would repeat it`)
    }
    const id = contract.id?.(sent) ?? this.#nameOf(subject, sent)
    return { subject, body: sent, id, headers: headersOf(of ? sourceOf(this.#run, of) : this.#run) }
  }

  /** For its cause and what it says, in whatever order, so that a repeat of the cause is a duplicate. */
  #nameOf(subject: string, sent: unknown): string {
    const hash = createHash('sha256').update(encode(sent)).digest('base64url').slice(0, 16)
    const name = `${this.#run.entry.name}:${this.#run.id}:${subject}:${hash}`
    this.#sentBefore ??= new Map()
    const occurrence = (this.#sentBefore.get(name) ?? 0) + 1
    this.#sentBefore.set(name, occurrence)
    return `${name}:${occurrence}`
  }
}

/** Merged for each line, since a child logger would tell twice what the handler names again. */
function logOf(log: Log, fields: object): Log {
  const line = (level: keyof Log) => (more: object, text: string) => log[level](Object.assign({}, fields, more), text)
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

type Origin = Pick<Run, 'cause' | 'traceparent'>

/** As if the run were of that message of its batch alone. */
const sourceOf = (run: Run, { id, attempt, headers }: Source): Origin => ({
  cause: { ...run.cause, id, attempt },
  traceparent: headers?.[traceparent] ? nextTraceparent(headers[traceparent]) : run.traceparent,
})

const headersOf = (run: Origin): Headers => causeHeaders(run.cause, { [traceparent]: run.traceparent })

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
