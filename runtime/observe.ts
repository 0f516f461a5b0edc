import type { FunctionEntry, Manifest } from './manifest'
import type { Connection } from './nats/connection'
import type { JetStream } from './nats/jetstream'
import type { Settings } from './settings'
import type { Log } from './types'

/** One run of a handler, as those who watch see it. */
export interface Observed {
  entry: FunctionEntry
  /** What it handled: a subject, or method and path. */
  subject: string
  id: string
  /** 1 on the first delivery. */
  attempt: number
  /** Milliseconds since 1970. */
  startedAt: number
  /** The W3C trace context of this run: its span is the parent of all that the run sends. */
  traceparent: string
  /** The trace context that came with the message, if one did. */
  parent: string | undefined
}

export type Ending = 'returned' | 'refused' | 'failed' | 'away' | 'later'

/** Hears of every run in the process; it must neither throw nor take long. */
export interface Observer {
  began?(run: Observed): void
  /** `ms` from the beginning to the settled outcome's decision, waiting included; `error` unless it returned. */
  ended?(run: Observed, ending: Ending, ms: number, error?: Error): void
  deadLettered?(entry: FunctionEntry): void
}

/** Those who watch as one. */
export function observers(all: Observer[]): Required<Observer> {
  return {
    began: (run) => all.forEach((one) => void one.began?.(run)),
    ended: (run, ending, ms, error) => all.forEach((one) => void one.ended?.(run, ending, ms, error)),
    deadLettered: (entry) => all.forEach((one) => void one.deadLettered?.(entry)),
  }
}

export interface Watched {
  connection: Connection
  js: JetStream
  entries(): FunctionEntry[]
  settings: Settings
  env: NodeJS.ProcessEnv
  log: Log
  ready(): Promise<boolean>
  manifest: Manifest
  selected: FunctionEntry[]
}

interface Observing {
  observe: Required<Observer>
  metrics(): Promise<{ contentType: string; text: string }>
  /** Where `OPS_ADDR` listens. */
  url: string | undefined
  stop(): Promise<void>
}

/** What lies in `observe/`, each part only where it is asked for; `$SRV` always, since it costs a sum for each run. */
export async function startObserving(watched: Watched): Promise<Observing> {
  const { settings, env, selected } = watched
  const { openServices } = await import('../observe/services')
  const services = openServices(watched)
  const measured = settings.ops !== undefined || selected.some(({ mode }) => mode === 'http')
  const metrics = measured ? await (await import('../observe/metrics')).openMetrics(watched) : undefined
  const spans = env.OTEL_EXPORTER_OTLP_ENDPOINT
    ? await (await import('../observe/spans')).openSpans(watched)
    : undefined
  const read = metrics?.read ?? (async () => ({ contentType: 'text/plain', text: '' }))
  const ops = settings.ops && (await (await import('../observe/ops')).startOps(settings.ops, { ...watched, read }))
  const parts = [services, metrics, spans].filter((part) => part !== undefined)
  return {
    observe: observers(parts.map(({ observer }) => observer)),
    metrics: read,
    url: ops?.url,
    async stop() {
      await Promise.all([services.stop(), ops?.stop(), spans?.stop()])
    },
  }
}
