import type { EventEmitter } from 'node:events'

export type { TableConfig } from '../stores/postgres/description'

/** A validator of `T`. A superstruct struct is one; so is anything with this shape. */
export interface Struct<T = unknown> {
  readonly TYPE: T
  /** The failures, or undefined and the valid value. */
  validate(
    value: unknown,
    options?: { mask?: boolean; coerce?: boolean },
  ): readonly [{ failures(): Iterable<Failure> } | undefined, unknown]
}

interface Failure {
  path: readonly (string | number)[]
  message: string
  value: unknown
  type: string
}

/** What travels one way on a subject; `id` makes its `Nats-Msg-Id` from what happened. */
export interface MessageContract<T = unknown> {
  body: Struct<T>
  id?(body: T): string
}

/** A request and its reply. */
export interface RequestContract<Q = unknown, R = unknown> {
  request: Struct<Q>
  reply: Struct<R>
}

export const message = <T>(body: Struct<T>, id?: (body: T) => string): MessageContract<T> => ({ body, id })
export const request = <Q, R>(request: Struct<Q>, reply: Struct<R>): RequestContract<Q, R> => ({ request, reply })

/** A stream as `functions/_streams.ts` lists it; ages and windows are milliseconds. */
export interface StreamConfig {
  subjects: string[]
  description?: string
  maxAgeMs?: number
  maxBytes?: number
  duplicateWindowMs?: number
}

export type Mode = 'rpc' | 'event' | 'job' | 'stream' | 'http'

/** How a function is run; every field has a default, see `runtime/manifest.ts`. */
export interface Policy {
  /** Messages handled at once in one process. */
  concurrency?: number
  /** `job` and `stream`: the handler gets an array of so many messages at most, of those that are there. */
  batch?: number
  /** How long a batch that is not full waits for more; it begins at once where this is not set. */
  gatherMs?: number
  /** One message, or batch, in flight over all instances, in stream order. */
  ordered?: boolean
  /** After this long `signal` aborts and the handler counts as failed. */
  timeoutMs?: number
  /** After this long without a sign of life the broker hands the message to another instance. */
  ackWaitMs?: number
  /** Failures, over all instances, after which a message becomes a dead letter. */
  maxDeliver?: number
  /** Age of the stored message after which `later` ends in the dead letters; 30 days where it is not set. */
  maxAgeMs?: number
  /** The pause before another attempt: the first, doubling up to a minute, or each in turn, the last repeated. */
  backoffMs?: number | readonly [number, ...number[]]
  /** Where a new durable begins. */
  from?: 'all' | 'new'
  /** `never` where it decides or acts, which a replay must not do again; `only` where nothing is handed to it live. */
  replay?: 'never' | 'only'
}

// biome-ignore lint/suspicious/noExplicitAny: a contract map holds contracts of any body
type AnyContracts = Record<string, MessageContract<any> | RequestContract<any, any>>

type RequestSubject<C> = { [S in keyof C]: C[S] extends { request: unknown } ? S : never }[keyof C] & string
type MessageSubject<C> = { [S in keyof C]: C[S] extends { body: unknown } ? S : never }[keyof C] & string
type Wildcard<S extends string> = S extends `${infer Head}.${string}` ? `${Head}.*` : never
type Matching<C, P> = P extends `${infer Head}.*` ? Extract<MessageSubject<C>, `${Head}.${string}`> : P & keyof C
type BodyOf<C, S> = S extends keyof C
  ? C[S] extends { body: Struct<infer T> }
    ? T
    : C[S] extends { request: Struct<infer Q> }
      ? Q
      : never
  : never
type ReplyOf<C, S> = S extends keyof C ? (C[S] extends { reply: Struct<infer R> } ? R : never) : never

interface Uses<C> extends Policy {
  /** Subjects that `emit` and `publish` may send to. */
  emits?: readonly MessageSubject<C>[]
  /** Subjects that `request` may ask. */
  requests?: readonly RequestSubject<C>[]
  /** Buckets that `store` may open. */
  stores?: readonly string[]
  /** Ledgers that `ledger` may open. */
  ledgers?: readonly string[]
  /** Stream functions that `settled` may wait for. */
  awaits?: readonly string[]
}

export type ConfigOf<C> = Uses<C> &
  (
    | { mode: 'rpc'; subject: RequestSubject<C>; queue: string }
    | { mode: 'event'; subject: MessageSubject<C> | Wildcard<MessageSubject<C>>; queue?: string }
    | { mode: 'job'; subject: MessageSubject<C>; queue: string }
    | { mode: 'stream'; subject: MessageSubject<C> | Wildcard<MessageSubject<C>>; queue?: string }
    | { mode: 'http'; queue?: string; maxBodyBytes?: number; example?: string }
  )

type Listed<K, F extends string> = K extends { [P in F]: readonly (infer S)[] } ? S & string : never

/** Structured log lines, pino's manner: fields first, then the sentence. */
export interface Log {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

/** One record for each key, changed only by compare-and-set. */
export interface Store<T> {
  get(key: string): Promise<T | undefined>
  /**
   * Stores what `change` makes of what is known and returns what is stored then. `change` is pure and may run several
   * times; returning its argument (or undefined for an absent key) writes nothing; a throw changes nothing. Guessed to
   * be `absent` it is not read first; a wrong guess costs one more write that is refused.
   */
  update<R extends T | undefined>(key: string, change: (known: T | undefined) => R, guess?: 'absent'): Promise<R>
  /** A table's alone: records with this value in that column, the last by column `by` and key first, from below `before` on. */
  newest?(page: { where: [string, string]; by: string; before?: [string, string]; limit: number }): Promise<T[]>
}

/** The state of a ledger: immutable values by key. */
export interface Table<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
}

export interface LedgerDefinition<D, V> {
  /** What a ledger that holds nothing begins with, appended exactly once. */
  initial?(): D[]
  /** Applies one decision; `seq` is its position in the ledger, from 1. Pure: no clock, no input but its arguments. */
  fold(table: Table<V>, decision: D, seq: number): void
  /** After how many decisions or changed keys the table, of plain JSON, is written in pages and what is unused forgotten; 30,000. */
  pageAfter?: number
  /** Of `fold`, 1 unless told: pages that another version made are not used, so that its decisions are folded anew. */
  version?: number
}

/** An append-only log of decisions with one writer at a time over all processes. */
export interface Ledger<D, V> {
  /** Appends what `choose` decides on the newest state and returns the state after it; `undefined` appends nothing. */
  decide<R>(choose: (table: Table<V>) => D | undefined, read: (table: Table<V>) => R): Promise<R>
  /** Reads the newest state. */
  read<R>(read: (table: Table<V>) => R): Promise<R>
}

export interface Published<T> {
  seq: number
  duplicate: boolean
  /** What the stream holds under this message's id: the first one's body where this was a duplicate. */
  stored: T
}

export interface Reply<T> {
  body: T
  /** The service had done this before, under the same idempotency key. */
  replayed: boolean
}

export interface RequestOptions {
  timeoutMs?: number
  idempotencyKey?: string
  /** The key was made for this request alone. */
  isNewKey?: boolean
}

/** What made a message, as its sender's runtime told in its headers. */
export interface Cause {
  /** The `Nats-Msg-Id` of what was being handled, `<stream>:<seq>` without one, or the subject of a request. */
  id?: string
  function: string
  /** 1 where the first delivery did. */
  attempt: number
}

/** What every handler can reach, whatever brought the message. */
export interface BaseContext<C, K> {
  /** The message's `Nats-Msg-Id`, or one made for it. */
  readonly id: string
  readonly log: Log
  /** Aborts when the handler's time, or the caller's, is over. */
  readonly signal: AbortSignal
  /** Wakes functions of the same process; carries no promise beyond it. */
  readonly local: EventEmitter
  /** Sent after the handler returned, before its message is done; dropped where it throws. `of`: the message of a batch that it follows from. */
  emit<S extends Listed<K, 'emits'>>(
    subject: S,
    body: BodyOf<C, S>,
    of?: { id: string | undefined; attempt: number },
  ): void
  /** Durable when it resolves: for commands, which are accepted before they are decided. */
  publish<S extends Listed<K, 'emits'>>(subject: S, body: BodyOf<C, S>): Promise<Published<BodyOf<C, S>>>
  request<S extends Listed<K, 'requests'>>(
    subject: S,
    body: BodyOf<C, S>,
    options?: RequestOptions,
  ): Promise<Reply<ReplyOf<C, S>>>
  store<T>(bucket: Listed<K, 'stores'>): Store<T>
  ledger<D, V>(name: Listed<K, 'ledgers'>, definition: LedgerDefinition<D, V>): Ledger<D, V>
  /**
   * Resolves once the named stream function has handled all that its stream held at the call. With `olderThanMs` it does
   * not wait, and refuses with 503 where something older is still to be handled.
   */
  settled(name: Listed<K, 'awaits'>, options?: { olderThanMs: number }): Promise<void>
  /** The value, or a refusal with code 400 that names every field at fault. */
  check<T>(struct: Struct<T>, value: unknown): T
  /** Ends the handler: never try this again. 400, 404, 409 or 422 blame the caller, 503 asks to come back. */
  reject(code: number, message: string, errors?: FieldError[]): never
}

export interface FieldError {
  /** JSON Pointer, as `#/items/0/qty`. */
  pointer: string
  detail: string
}

export interface MessageContext<C, K> extends BaseContext<C, K> {
  /** The broker's count of deliveries, 1 on the first. */
  readonly attempt: number
  /** Position in the stream; undefined where none carried the message. */
  readonly seq: number | undefined
  /** Undefined where a stranger sent the message. */
  readonly cause: Cause | undefined
  /** Subject and body together, so that a `switch` on the subject narrows the body. */
  readonly message: K extends { subject: infer P }
    ? { [S in Matching<C, P>]: { subject: S; body: BodyOf<C, S> } }[Matching<C, P>]
    : never
  /** All messages of a batch; of any other function the one. */
  readonly messages: readonly (K extends { subject: infer P }
    ? {
        [S in Matching<C, P>]: {
          subject: S
          body: BodyOf<C, S>
          raw: Record<string, unknown>
          id: string | undefined
          attempt: number
          seq: number | undefined
          cause: Cause | undefined
        }
      }[Matching<C, P>]
    : never)[]
  /** The body as it came, unknown fields included. */
  readonly raw: Record<string, unknown>
  /** The message is one of a replay: fold what was decided, and decide nothing. */
  readonly replaying: boolean
  /** The caller's `Idempotency-Key`, if it sent one. */
  readonly idempotencyKey: string | undefined
  /** The caller made that key for this request alone, so nothing was ever asked with it. */
  readonly isNewKey: boolean
  /** Tells the caller that this reply repeats an earlier one. */
  replayed(): void
  /** Ends the handler: hand the message back after `ms` (finite, from 0 on), at least; holds no slot meanwhile. */
  later(ms: number): never
}

export interface HttpContext<C, K> extends BaseContext<C, K> {
  /** NATS answers, its streams are there, and this process is not shutting down. */
  ready(): Promise<boolean>
  /** What Prometheus reads of this process. */
  metrics(): Promise<{ contentType: string; text: string }>
  /** The server listens on a loopback address. */
  readonly loopback: boolean
}

/** The part of a `fetch` Request that a handler gets; the body is read once, up to `maxBodyBytes`. */
export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers: { get(name: string): string | null }
  /** Aborts when the client has gone or the process is stopping. */
  readonly signal: AbortSignal
  /** Rejects with a refusal of code 413 where the body is too large. */
  text(): Promise<string>
}

/** The part of a `fetch` Response that an answer without a stream needs; a whole one costs many times as much. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Answer = Response | HttpResponse

export type HandlerOf<C, K> = K extends { mode: 'http' }
  ? (request: HttpRequest, context: HttpContext<C, K>) => Answer | Promise<Answer>
  : K extends { mode: 'rpc'; subject: infer S }
    ? (body: BodyOf<C, S>, context: MessageContext<C, K>) => ReplyOf<C, S> | Promise<ReplyOf<C, S>>
    : K extends { subject: infer P }
      ? (
          body: K extends { batch: number } ? BodyOf<C, Matching<C, P>>[] : BodyOf<C, Matching<C, P>>,
          context: MessageContext<C, K>,
        ) => void | Promise<void>
      : never

export type Contracts = AnyContracts
