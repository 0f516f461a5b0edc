import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from '../connect/settings'
import { startObserving } from '../observe/observing'
import { requireKept } from '../provision/kept'
import { ensureMemory } from '../provision/memory'
import { streamsFor } from '../provision/needs'
import { ensureStreams, missingStreams, requireJetStream, requireVersion } from '../provision/streams'
import { marksBucket, openMarks } from '../stores/marks'
import { openTables } from '../stores/postgres/tables'
import { openTries } from '../stores/tries'
import type { Ports } from './context'
import { configuration, isAway } from './errors'
import type { LoadedFunction } from './invoke'
import type { FunctionEntry, Manifest } from './manifest'
import { startEvent } from './modes/event'
import { startHttp } from './modes/http'
import { startJob } from './modes/job'
import type { Broker, Running } from './modes/mode'
import { startRpc } from './modes/rpc'
import { startStream } from './modes/stream'
import { openConnection } from './nats/connection'
import { openJetStream } from './nats/jetstream'
import { openMux } from './nats/mux'
import { natsPorts } from './ports'
import type { Contracts } from './types'

export interface Host {
  /** Where HTTP listens, if a function serves it. */
  url: string | undefined
  /** Where `OPS_ADDR` listens. */
  opsUrl: string | undefined
  ready(): Promise<boolean>
  /** Runs a function, in place of the one of its name if there is one, and ends that one when the new one runs. */
  put(fn: LoadedFunction): Promise<void>
  /** Ends one function; resolves when what it was handling is done. */
  remove(name: string): Promise<void>
  /** Ends the intake, awaits what is under way for at most `DRAIN_MS`, closes; false where work was left. */
  stop(): Promise<boolean>
  /** Resolves with the cause if the connection ends by itself. */
  failed: Promise<Error>
}

interface HostOptions {
  manifest: Manifest
  contracts: Contracts
  functions: LoadedFunction[]
  settings: Settings
  env: NodeJS.ProcessEnv
  log: Ports['log']
  /** Refuse streams that are not marked as ours: nobody named this server. */
  strict?: boolean
  /** Create nothing; say what is missing. */
  bindOnly?: boolean
  /** Called once there is a connection: from then on there is something to stop. */
  onConnect?(): void
}

const readyMs = 1_000
const flushMs = 5_000
const longestTailMs = 2_000
const lookAfterStreamsMs = 5_000

/** Connects, provisions what the functions use, subscribes them, and serves HTTP last. */
export async function startHost(options: HostOptions): Promise<Host> {
  const { manifest, contracts, functions, settings, env, log, bindOnly = false } = options
  const selected = functions.map(({ entry }) => entry)
  const streams = [...streamsFor(manifest, selected, env), marksBucket]
  const names = selected.map(({ name }) => name)
  const tables = await openTables({ manifest, env, log, selected, bindOnly })
  const connection = await openConnection(env, names.join().slice(0, 100), log)
  options.onConnect?.()
  const ask = openMux(connection)
  const js = openJetStream(ask, { leaderReads: connection.server.clustered })
  const marks = openMarks(js)
  const started = new Map<string, { fn: LoadedFunction; running: Running }>()
  const entries = () => [...started.values()].map(({ fn }) => fn.entry)
  let running = false
  let stopping = false
  let lost: string[] = []

  const ready = async () => {
    if (!running || stopping || lost.length > 0 || !connection.connected()) return false
    return connection.flush(readyMs).then(
      () => !stopping,
      () => false,
    )
  }
  const watched = { connection, js, entries, settings, env, log, ready, manifest, selected }
  const watching = await startObserving(watched).catch(async (error) => {
    await connection.close()
    throw error
  })
  const ports = natsPorts({ manifest, contracts, connection, ask, js, log, observe: watching.observe, tables })
  const broker: Broker = {
    connection,
    js,
    manifest,
    ports,
    log,
    drainMs: settings.drainMs,
    ready,
    bindOnly,
    marks,
    tries: openTries(js),
    metrics: watching.metrics,
  }
  const lookAfter = setInterval(async () => {
    const missing = await missingStreams(js, streams).catch(() => lost)
    if (missing.join() !== lost.join()) {
      if (missing.length > 0) log.error({ streams: missing }, 'streams have vanished; see node runtime provision')
      else log.info({ streams: lost }, 'the streams are there again')
    }
    lost = missing
  }, lookAfterStreamsMs)
  let url: string | undefined

  const put = async (fn: LoadedFunction) => {
    const { name, mode } = fn.entry
    const old = started.get(name)
    if (mode === 'http') {
      // Two cannot listen on one port; the old one ends first.
      await old?.running.stop()
      const listening = await startHttp(fn, broker, settings.http)
      url = listening.url
      started.set(name, { fn, running: listening })
      return
    }
    started.set(name, { fn, running: await start[mode](fn, broker) })
    await connection.flush(5_000)
    await old?.running.stop()
  }

  const remove = async (name: string) => {
    const old = started.get(name)
    started.delete(name)
    await old?.running.stop()
  }

  try {
    requireVersion(connection.server, settings.replicas)
    await requireJetStream(js)
    const { replicas } = settings
    if (!bindOnly) await ensureMemory(js, { manifest, selected, env, replicas })
    await requireKept(js, { manifest, selected, tables })
    await ensureStreams(js, streams, { ...options, replicas, marks })
    const puts = await Promise.allSettled(functions.filter(({ entry }) => !isHttp(entry)).map(put))
    for (const one of puts) if (one.status === 'rejected') throw one.reason
    for (const fn of functions) if (isHttp(fn.entry)) await put(fn)
    await connection.refuseDenied()
  } catch (error) {
    clearInterval(lookAfter)
    await Promise.all([...started.values()].map(({ running }) => running.stop()))
    await watching.stop()
    await Promise.all([connection.close(), tables?.close()])
    throw isAway(error) && error.reason === 'denied' ? configuration(`NATS_URL: ${error.message}`) : error
  }
  running = true
  log.info({ functions: names, nats: connection.server.version }, 'running')

  /** Those that ask end before those whom they ask, so that no handler under way loses them; the others at once. */
  const endInStages = async () => {
    for (let left = entries(); left.length > 0; left = entries()) {
      const unasked = left.filter((entry) => !left.some((other) => other !== entry && asks(other, entry)))
      await Promise.all((unasked.length > 0 ? unasked : left).map(({ name }) => remove(name)))
    }
  }

  const stop = async () => {
    stopping = true
    clearInterval(lookAfter)
    await sleep(settings.shutdownDelayMs)
    const staged = endInStages()
    const tailMs = Math.min(longestTailMs, settings.drainMs / 4)
    const drained =
      (await within(settings.drainMs - tailMs, () => staged)) ||
      // Nobody may go on asking who will be gone in a moment: what they have taken already has this time.
      (await within(tailMs, () => Promise.all([staged, ...entries().map(({ name }) => remove(name))])))
    if (!drained) await within(flushMs, broker.tries.endAll)
    await within(flushMs, watching.stop)
    await connection
      .flush(flushMs)
      .catch((error) => log.warn({ err: error }, 'the last messages may not have been sent'))
    await Promise.all([connection.close(), tables?.close()])
    return drained
  }

  return {
    url,
    opsUrl: watching.url,
    ready,
    async put(fn) {
      await tables?.prepare([fn.entry])
      await ensureStreams(js, streamsFor(manifest, [fn.entry], env), { ...options, replicas: settings.replicas, marks })
      await put(fn)
    },
    remove,
    stop,
    failed: connection.closed().then((error) => error ?? new Error('the connection to NATS was closed')),
  }
}

const isHttp = ({ mode }: FunctionEntry) => mode === 'http'
const asks = ({ requests, awaits }: FunctionEntry, { name, subject = '' }: FunctionEntry) =>
  requests.includes(subject) || awaits.includes(name)

const start = { rpc: startRpc, event: startEvent, job: startJob, stream: startStream }

/** False where the work is not done in time. */
async function within(ms: number, work: () => Promise<unknown>): Promise<boolean> {
  const over = new AbortController()
  const late = sleep(ms, false, { signal: over.signal })
  return Promise.race([work().then(() => true), late]).finally(() => over.abort())
}
