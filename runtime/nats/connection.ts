import { setTimeout as sleep } from 'node:timers/promises'
import { connect, credsAuthenticator, type NatsConnection, nkeyAuthenticator } from 'nats'
import { openInbox } from '../../connect/inbox'
import { connectionOptions } from '../../connect/options'
import { openOutbox } from '../../connect/outbox'
import type { Data, Headers, SentHeaders } from '../envelope'
import { configuration } from '../errors'
import type { Log } from '../types'

/** What arrived. Headers are read on demand, since a foreign publisher's may not parse. */
export interface Arrived {
  readonly subject: string
  /** Text where all of it is ASCII. */
  readonly data: Data
  readonly reply: string | undefined
  /** Throws where the headers are malformed. */
  headers(): Headers
  /** All values of each; throws as well. */
  values(): Record<string, string[]>
  /** 0, or the status of a message of the server itself, as 503 for «no responders»; never throws. */
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
  publish(subject: string, data?: Data, options?: { reply?: string; headers?: SentHeaders }): void
  subscribe(
    subject: string,
    callback: (arrived: Arrived) => void,
    options?: { queue?: string; keeps?: boolean },
  ): Subscription
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
  const options = connectionOptions(env, name, { credsAuthenticator, nkeyAuthenticator })
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

function connection(nc: NatsConnection, log: Log): Connection {
  const listeners = new Set<(status: 'disconnected' | 'reconnected') => void>()
  const deniedListeners: ((subject: string) => void)[] = []
  const denied = new Set<string>()
  const outbox = openOutbox(nc)
  const inbox = openInbox(nc)
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
    subscribe(subject, callback, { queue, keeps } = {}) {
      const subscription = nc.subscribe(subject, {
        queue,
        callback(error) {
          if (!error) return
          log.error({ err: error, subject }, 'subscription failed')
          denied.add(subject)
        },
      })
      const take = (arrived: Arrived) => {
        // A throw here would kill the client's reader and with it the whole connection.
        try {
          callback(arrived)
        } catch (error) {
          log.error({ err: error, subject }, 'a message could not be taken')
        }
      }
      inbox.open(subscription, take, keeps)
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
