import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
} from 'nats'
import type { Headers, SentHeaders } from '../envelope'
import { configuration } from '../errors'
import { natsUrl } from '../settings'
import type { Log } from '../types'
import { readHeaders } from './headers'
import { openOutbox } from './outbox'

/** What arrived. Headers are read on demand, since a foreign publisher's may not parse. */
export interface Arrived {
  readonly subject: string
  readonly data: Uint8Array
  readonly reply: string | undefined
  /** Throws where the headers are malformed. */
  headers(): Headers
  /** All values of each; throws as well. */
  values(): Record<string, string[]>
  /** 0, or the status of a message of the server itself, as 503 for «no responders». */
  status(): number
}

export interface Subscription {
  /** Ends the interest; resolves when all that was under way has been handed to the callback. */
  drain(): Promise<void>
}

/** The only door to the client: everything else of the runtime speaks to NATS through this. */
export interface Connection {
  readonly inbox: string
  readonly server: { version: string; clustered: boolean }
  connected(): boolean
  publish(subject: string, data?: Uint8Array, options?: { reply?: string; headers?: SentHeaders }): void
  subscribe(subject: string, callback: (arrived: Arrived) => void, queue?: string): Subscription
  /** Rejects where the server does not answer in time. */
  flush(timeoutMs: number): Promise<void>
  /** Returns what ends it. */
  onStatus(listener: (status: 'disconnected' | 'reconnected') => void): () => void
  /** Tells of a subject that the server does not let us publish to. */
  onDenied(listener: (subject: string) => void): void
  /** Throws, as a matter of configuration, where the server has denied a subscription so far. */
  refuseDenied(): Promise<void>
  closed(): Promise<Error | undefined>
  close(): Promise<void>
}

/** Connects and keeps connected for good; waits for a server that is not there yet. */
export async function openConnection(env: NodeJS.ProcessEnv, name: string, log: Log): Promise<Connection> {
  const options = connectionOptions(env, name)
  const waiting = setTimeout(
    () => log.warn({ servers: options.servers }, 'waiting for NATS; nothing answers there yet'),
    2_000,
  )
  try {
    return connection(await connect(options), log)
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    throw configuration(`NATS_URL: ${options.servers}: ${message === code ? code : message}`)
  } finally {
    clearTimeout(waiting)
  }
}

function connectionOptions(env: NodeJS.ProcessEnv, name: string): ConnectionOptions {
  return {
    name,
    servers: servers(natsUrl(env)),
    resolve: false,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: false,
    pingInterval: 5_000,
    maxPingOut: 2,
    timeout: 5_000,
    noAsyncTraces: true,
    user: env.NATS_USER,
    pass: env.NATS_PASSWORD,
    token: env.NATS_TOKEN,
    authenticator: authenticators(env),
    tls: tls(env),
  }
}

function servers(list: string): string[] {
  const names = list
    .split(',')
    .map((server) => server.trim())
    .filter(Boolean)
  for (const server of names) {
    try {
      new URL(server.includes('://') ? server : `nats://${server}`)
    } catch {
      throw configuration(`NATS_URL: not a server address: ${server}`)
    }
  }
  if (names.length === 0) throw configuration('NATS_URL: names no server')
  return names
}

function authenticators(env: NodeJS.ProcessEnv): Authenticator[] | undefined {
  const found: Authenticator[] = []
  if (env.NATS_CREDS) found.push(credsAuthenticator(fileOf('NATS_CREDS', env.NATS_CREDS)))
  if (env.NATS_NKEY) {
    const seed = env.NATS_NKEY.startsWith('S') ? Buffer.from(env.NATS_NKEY) : fileOf('NATS_NKEY', env.NATS_NKEY)
    found.push(nkeyAuthenticator(Buffer.from(seed.toString().trim())))
  }
  return found.length ? found : undefined
}

function tls(env: NodeJS.ProcessEnv) {
  const { NATS_CA: caFile, NATS_CERT: certFile, NATS_KEY: keyFile } = env
  for (const [field, file] of Object.entries({ NATS_CA: caFile, NATS_CERT: certFile, NATS_KEY: keyFile })) {
    if (file) fileOf(field, file)
  }
  return caFile || certFile ? { caFile, certFile, keyFile } : undefined
}

function fileOf(field: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    throw configuration(`${field}: cannot read the file ${path}`)
  }
}

function connection(nc: NatsConnection, log: Log): Connection {
  const listeners = new Set<(status: 'disconnected' | 'reconnected') => void>()
  const deniedListeners: ((subject: string) => void)[] = []
  const denied = new Set<string>()
  const outbox = openOutbox(nc)
  let connected = true
  const tell = (status: 'disconnected' | 'reconnected') => {
    connected = status === 'reconnected'
    // As lost as what the client held back: who waits for an answer hears that the link broke.
    if (!connected) outbox.drop()
    for (const listener of listeners) listener(status)
  }
  const follow = async () => {
    for await (const status of nc.status()) {
      const { type, data, permissionContext } = status as typeof status & {
        permissionContext?: Record<'operation' | 'subject', string>
      }
      if (type === 'disconnect') {
        log.warn({ server: data }, 'disconnected from NATS')
        tell('disconnected')
      } else if (type === 'reconnect') {
        log.info({ server: data }, 'connected to NATS again')
        tell('reconnected')
      } else if (type === 'error') {
        const { operation, subject } = permissionContext ?? {}
        log.error({ error: data, operation, subject }, 'NATS reports an error')
        if (operation === 'publish') for (const listener of deniedListeners) listener(subject as string)
        else if (operation === 'subscription') denied.add(subject as string)
      }
    }
  }
  follow().catch((error) => log.error({ err: error }, 'the connection status ended'))

  return {
    inbox: `_INBOX.${nc.info?.client_id ?? 0}${Math.random().toString(36).slice(2)}`,
    server: { version: nc.info?.version ?? '0.0.0', clustered: Boolean(nc.info?.cluster) },
    connected: () => connected && !nc.isClosed(),
    publish: outbox.put,
    subscribe(subject, callback, queue) {
      const subscription = nc.subscribe(subject, {
        queue,
        callback(error, message) {
          // A throw here would kill the client's reader and with it the whole connection.
          try {
            if (error) {
              log.error({ err: error, subject }, 'subscription failed')
              denied.add(subject)
            } else callback(new Message(message))
          } catch (error) {
            log.error({ err: error, subject }, 'a message could not be taken')
          }
        },
      })
      return {
        async drain() {
          outbox.send()
          if (nc.isClosed() || subscription.isClosed()) return
          // Without a link nothing is under way, and a drain would wait for the next one.
          if (connected) await subscription.drain()
          else subscription.unsubscribe()
        },
      }
    },
    async flush(timeoutMs) {
      outbox.send()
      const over = new AbortController()
      const late = sleep(timeoutMs, undefined, { signal: over.signal }).then(() => {
        throw new Error(`NATS did not answer within ${timeoutMs} ms`)
      })
      await Promise.race([nc.flush(), late]).finally(() => over.abort())
    },
    onStatus(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    onDenied: (listener) => void deniedListeners.push(listener),
    async refuseDenied() {
      // The server answers in order, the client tells of a denial a moment after.
      await nc.flush()
      await sleep(10)
      if (denied.size === 0) return
      throw configuration(`NATS_URL: this user may not subscribe to ${[...denied].join(', ')}`)
    },
    closed: () => nc.closed().then((error) => error ?? undefined),
    close() {
      outbox.send()
      return nc.close()
    },
  }
}

/** A class, since one is made for each message. */
class Message implements Arrived {
  readonly subject: string
  readonly data: Uint8Array
  #message: Msg
  #read: ReturnType<typeof readHeaders> | undefined

  constructor(message: Msg) {
    this.#message = message
    this.subject = message.subject
    this.data = message.data
  }

  get reply() {
    return this.#message.reply || undefined
  }

  headers(): Headers {
    return this.#headers().first
  }

  values(): Record<string, string[]> {
    return this.#headers().all()
  }

  status(): number {
    return this.#headers().status
  }

  #headers() {
    this.#read ??= readHeaders(this.#message)
    return this.#read
  }
}
