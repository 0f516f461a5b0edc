import { contracts } from '../../functions/_contracts'
import type { Decision } from '../../functions/inventory/_contract'
import { isLater, isRejection, laterError, rejection } from '../../runtime/errors'
import { clock } from './clock'
import { type Fn, serving } from './system'
import { decided, tableOf, type World, withValue } from './world'

export interface Message {
  id: string
  subject: string
  body: Record<string, unknown>
  /** A request's `Idempotency-Key`. */
  key?: string
}

/** A handler between two of its effects: handed what came of those that it had, it is there again. */
export interface UnderWay {
  fn: Fn
  message: Message
  startedAt: number
  results: readonly Result[]
}

type Result = { value: unknown } | { error: unknown }

/** Where the world is after an effect of the handler, and what it has sent by then. */
export interface Stop {
  world: World
  sent: readonly Message[]
  results: readonly Result[]
}

export interface Ended extends Stop {
  kind: 'returned' | 'refused' | 'later' | 'failed'
  reply?: unknown
  error?: unknown
  /** One for each effect, in their order. */
  stops: readonly Stop[]
}

interface Done {
  world?: World
  value?: unknown
  sent?: Message
  error?: unknown
}

export type Effect = (perform: (world: World) => Done | Promise<Done>) => Promise<unknown>

let running: Effect | undefined

/** An effect on the world, of the handler that runs now: for what is imported and not handed to it. */
export const effect: Effect = (perform) => (running as Effect)(perform)

/** Runs a handler to its end, from its start or from where it was; each effect is one step on the newest world. */
export async function execute(world: World, under: UnderWay, { replaying = false } = {}): Promise<Ended> {
  const { fn, message, startedAt, results: earlier } = under
  const stops: Stop[] = []
  const emitted: Message[] = []
  let now: Stop = { world, sent: [], results: earlier }
  let count = 0
  const mine: Effect = async (perform) => {
    let result = earlier[count++]
    if (!result) {
      const done = await performed(perform, now.world)
      result = 'error' in done ? { error: done.error } : { value: done.value }
      const sent = done.sent ? [...now.sent, done.sent] : now.sent
      now = { world: done.world ?? now.world, sent, results: [...now.results, result] }
      stops.push(now)
    }
    if ('error' in result) throw result.error
    return result.value
  }
  const outer = { running, now: clock.now }
  running = mine
  clock.now = startedAt
  try {
    const reply = await fn.handler(message.body, contextOf(message, emitted, mine, replaying))
    return { ...now, kind: 'returned', reply, sent: [...now.sent, ...emitted], stops }
  } catch (error) {
    return { ...now, kind: isRejection(error) ? 'refused' : isLater(error) ? 'later' : 'failed', error, stops }
  } finally {
    running = outer.running
    clock.now = outer.now
  }
}

async function performed(perform: Parameters<Effect>[0], world: World): Promise<Done> {
  try {
    return await perform(world)
  } catch (error) {
    return { error }
  }
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

function contextOf(message: Message, emitted: Message[], effect: Effect, replaying: boolean) {
  return {
    id: message.id,
    message: { subject: message.subject, body: message.body },
    messages: [{ id: message.id, subject: message.subject, body: message.body }],
    idempotencyKey: message.key,
    isNewKey: false,
    replaying,
    log: quiet,
    replayed() {},
    settled: async () => undefined,
    reject(code: number, text: string): never {
      throw rejection(code, text)
    },
    later(ms: number): never {
      throw laterError(ms)
    },
    emit: (subject: string, body: Message['body']) => void emitted.push(named(subject, body)),

    publish: (subject: string, body: Message['body']) =>
      effect((world) => {
        const sent = named(subject, body)
        const first = world.get(`sent/${sent.id}`)
        if (first) return { value: { seq: 1, duplicate: true, stored: first } }
        return {
          world: withValue(world, `sent/${sent.id}`, body),
          value: { seq: 1, duplicate: false, stored: body },
          sent,
        }
      }),

    store: (bucket: string) => ({
      get: (key: string) => effect((world) => ({ value: world.get(`${bucket}/${key}`) })),
      update: (key: string, change: (known: unknown) => unknown) =>
        effect((world) => {
          const known = world.get(`${bucket}/${key}`)
          const value = change(known)
          return { value, world: value === known ? world : withValue(world, `${bucket}/${key}`, value) }
        }),
    }),

    ledger: () => ({
      decide: (choose: (table: unknown) => Decision | undefined, read: (table: unknown) => unknown) =>
        effect((world) => {
          const decision = choose(tableOf(world))
          const after = decision ? decided(world, decision) : world
          return { world: after, value: read(tableOf(after)) }
        }),
    }),

    /** The one that is asked runs as one step of the one that asks. */
    request: (subject: string, body: Message['body']) =>
      effect(async (world) => {
        const asked = {
          fn: serving(subject),
          message: { id: subject, subject, body },
          startedAt: clock.now,
          results: [],
        }
        const { kind, reply, error, world: after } = await execute(world, asked)
        return kind === 'returned' ? { world: after, value: { body: reply, replayed: false } } : { world: after, error }
      }),
  }
}

function named(subject: string, body: Message['body']): Message {
  const contract = (contracts as Record<string, { id?(body: unknown): string }>)[subject]
  return { subject, body, id: contract?.id?.(body) ?? subject }
}
