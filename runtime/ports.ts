import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { notBehind } from '../provision/progress'
import { openLedger } from '../stores/ledger'
import type { Tables } from '../stores/postgres/tables'
import { openStores } from '../stores/stores'
import { ledgerWithin, settledWithin, within } from '../stores/within'
import type { Emission, Ports } from './context'
import { decode, encode, errorCode, errorText, idempotentReplayed, messageId, serviceAway, timeLeft } from './envelope'
import { away, isAway, rejection } from './errors'
import { step } from './failpoint'
import { type Manifest, streamOf } from './manifest'
import { openGate } from './modes/gate'
import type { Arrived, Connection } from './nats/connection'
import type { JetStream } from './nats/jetstream'
import type { Ask } from './nats/mux'
import type { Contracts, FieldError, Ledger } from './types'

interface Parts {
  manifest: Manifest
  contracts: Contracts
  connection: Connection
  ask: Ask
  js: JetStream
  log: Ports['log']
  observe: Ports['observe']
  tables: Tables | undefined
}

const restartMs = 1_000
const againMs = 50

/** What handlers may do, over NATS. */
export function natsPorts({ manifest, contracts, connection, ask, js, log, observe, tables }: Parts): Ports {
  const ledgers = new Map<string, Ledger<never, never>>()
  const carriers = new Map<string, string | undefined>()

  const carrierOf = (subject: string): string | undefined => {
    if (!carriers.has(subject)) carriers.set(subject, streamOf(manifest, subject)?.stream)
    return carriers.get(subject)
  }

  const publish = ({ subject, body, id, headers }: Emission, stream: string, budgetMs?: number) =>
    step(`publish ${subject}`, () => js.publish(subject, encode(body), { id, stream, headers, budgetMs }))

  return {
    contracts,
    log,
    logged: manifest.log ?? {},
    debugs: (log as { isLevelEnabled?(level: string): boolean }).isLevelEnabled?.('debug') ?? true,
    observe,
    gate: openGate(),
    local: new EventEmitter().setMaxListeners(0),

    async send(emission, budgetMs) {
      const stream = carrierOf(emission.subject)
      if (stream) return void (await publish(emission, stream, budgetMs))
      const headers = { [messageId]: emission.id, ...emission.headers }
      connection.publish(emission.subject, encode(emission.body), { headers })
    },

    async publish(emission, budgetMs) {
      const stream = carrierOf(emission.subject)
      if (!stream) throw new Error(`${emission.subject} is in no stream, so it cannot be published durably`)
      const { seq, duplicate } = await publish(emission, stream, budgetMs)
      if (!duplicate) return { seq, duplicate, stored: emission.body }
      const first = await js.read(stream, { seq })
      if (!first) throw away('unavailable', `the first ${emission.id} cannot be read`)
      return { seq, duplicate, stored: decode(first.data) }
    },

    async request(subject, body, { timeoutMs, headers }) {
      const deadline = Date.now() + timeoutMs
      const patience = Date.now() + Math.min(timeoutMs, restartMs)
      const data = encode(body)
      for (let left = timeoutMs; ; left = deadline - Date.now()) {
        try {
          const sent = { [timeLeft]: String(left), ...headers }
          const asked = () => ask(subject, data, { timeoutMs: left, headers: sent })
          return replyFrom(await step(`request ${subject}`, asked), subject)
        } catch (error) {
          // Nobody has the request yet, so asking again is safe; a service that restarts is back within moments.
          if (!isAway(error) || error.reason !== 'no-responders' || Date.now() + againMs >= patience) throw error
          await sleep(againMs)
        }
      }
    },

    store: openStores(js, connection, tables),

    ledger(name, definition, left) {
      const ledger = ledgers.get(name) ?? openLedger(js, name, definition)
      ledgers.set(name, ledger)
      return ledgerWithin(ledger, left)
    },

    settled: (name, signal, left, options) =>
      options
        ? notBehind(within(js, left), manifest, name, options.olderThanMs)
        : settledWithin(js, manifest, { name, signal, left }),
  }
}

/** The reply's body; a refusal keeps its code, a fault (500, or no reply of ours at all) is told apart from silence. */
function replyFrom(arrived: Arrived, subject: string): { body: unknown; replayed: boolean } {
  let headers: ReturnType<Arrived['headers']>
  let body: unknown
  try {
    headers = arrived.headers()
    body = decode(arrived.data)
  } catch {
    throw fault(`the reply on ${subject} cannot be read`)
  }
  if (headers[errorCode] === undefined) return { body, replayed: headers[idempotentReplayed] === 'true' }
  const code = Number(headers[errorCode])
  const { message = headers[errorText] ?? 'no reason given', errors } =
    (body as { error?: { message?: string; errors?: FieldError[] } } | null)?.error ?? {}
  if (headers[serviceAway]) throw away('unavailable', `${subject}: ${message}`)
  if (code === 503) throw Object.assign(away('unavailable', message), { code })
  if (code >= 400 && code < 500) throw rejection(code, message, errors)
  throw fault(`${subject} failed: ${message}`)
}

const fault = (message: string): Error => Object.assign(new Error(message), { code: 500 })
