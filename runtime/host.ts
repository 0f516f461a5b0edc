import { setTimeout as sleep } from 'node:timers/promises'
import type { Ports } from './context'
import type { LoadedFunction } from './invoke'
import { type FunctionEntry, isDurable, type Manifest } from './manifest'
import { deadLetters } from './modes/dead_letter'
import { startEvent } from './modes/event'
import { type Listening, startHttp } from './modes/http'
import { startJob } from './modes/job'
import type { Broker, Running } from './modes/mode'
import { startRpc } from './modes/rpc'
import { startStream } from './modes/stream'
import { openConnection } from './nats/connection'
import { openJetStream } from './nats/jetstream'
import { openMux } from './nats/mux'
import { ensureStreams, requireJetStream, type StreamSpec } from './nats/provision'
import { natsPorts } from './ports'
import { limits, type Settings } from './settings'
import { ledgerStream } from './store/ledger'
import type { Contracts } from './types'

export interface Host {
  /** Where HTTP listens, if a function serves it. */
  url: string | undefined
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
  /** Called once there is a connection: from then on there is something to stop. */
  onConnect?(): void
}

/** Connects, provisions what the functions use, subscribes them, and serves HTTP last. */
export async function startHost(options: HostOptions): Promise<Host> {
  const { manifest, contracts, functions, settings, env, log, strict } = options
  const selected = functions.map(({ entry }) => entry)
  const streams = streamsOf(manifest, selected, env)
  const label = selected.map(({ name }) => name).join()
  const connection = await openConnection(env, label.slice(0, 100), log)
  options.onConnect?.()
  const ask = openMux(connection)
  const js = openJetStream(ask, { leaderReads: settings.replicas > 1 })
  let stopping = false
  const ports = natsPorts({ manifest, contracts, connection, ask, js, log })
  const broker: Broker = { connection, js, manifest, ports, log, stopping: () => stopping }
  const started: { entry: FunctionEntry; running: Running }[] = []
  let http: Listening | undefined

  try {
    await requireJetStream(js)
    await ensureStreams(js, streams, settings.replicas, strict)
    for (const fn of functions) {
      const { entry } = fn
      if (entry.mode !== 'http') started.push({ entry, running: await start[entry.mode](fn, broker) })
    }
    await connection.flush(5_000)
    for (const fn of functions.filter(({ entry }) => isHttp(entry))) {
      http = await startHttp(fn, broker, settings.http)
      started.push({ entry: fn.entry, running: http })
    }
  } catch (error) {
    await Promise.all(started.map(({ running }) => running.stop()))
    await connection.close()
    throw error
  }
  log.info({ functions: selected.map(({ name }) => name), nats: connection.version }, 'running')

  const stop = async () => {
    stopping = true
    await sleep(settings.shutdownDelayMs)
    const drained = await within(settings.drainMs, async () => {
      // Those that ask stop before those that answer, so that no handler under way loses whom it asks.
      for (const stage of [isHttp, isPassive, isAsking, () => true]) {
        const next = started.filter(({ entry }) => stage(entry))
        await Promise.all(next.map(({ running }) => running.stop()))
        for (const one of next) started.splice(started.indexOf(one), 1)
      }
    })
    await connection.flush(2_000).catch((error) => log.warn({ err: error }, 'the last messages may not have been sent'))
    await connection.close()
    return drained
  }

  return {
    url: http?.url,
    stop,
    failed: connection.closed().then((error) => error ?? new Error('the connection to NATS was closed')),
  }
}

const isHttp = ({ mode }: FunctionEntry) => mode === 'http'
const isPassive = ({ mode }: FunctionEntry) => mode !== 'rpc'
const isAsking = ({ requests }: FunctionEntry) => requests.length > 0

const start = { rpc: startRpc, event: startEvent, job: startJob, stream: startStream }

/** Every stream that the functions need, as the environment limits it. */
function streamsOf(manifest: Manifest, selected: FunctionEntry[], env: NodeJS.ProcessEnv): StreamSpec[] {
  const buckets = new Set(selected.flatMap(({ stores }) => stores))
  const ledgers = new Set(selected.flatMap(({ ledgers, subject }) => [...ledgers, ...ledgerOf(subject)]))
  return [
    ...Object.entries(manifest.streams).map(([name, config]) => ({ name, ...config, ...limits(env, name) })),
    ...(selected.some(isDurable) ? [deadLetters] : []),
    ...[...buckets].map((name) => ({ name: `KV_${name}`, subjects: [`$KV.${name}.>`], bucket: true })),
    ...[...ledgers].map((name) => ({ name: ledgerStream(name).stream, subjects: [ledgerStream(name).subject] })),
  ]
}

const ledgerOf = (subject = '') => subject.match(/(?<=^ledger\.)[^.*>]+$/) ?? []

async function within(ms: number, work: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work().then(() => true as const), late])
  } finally {
    clearTimeout(timer)
  }
}
