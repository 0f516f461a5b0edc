import type { Settings } from '../connect/settings'
import type { FunctionEntry, Manifest } from '../runtime/manifest'
import type { Connection } from '../runtime/nats/connection'
import type { JetStream } from '../runtime/nats/jetstream'
import type { Log } from '../runtime/types'
import type { Observer } from './observer'

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

/** Each part only where it is asked for; `$SRV` always, since it costs a sum for each run. */
export async function startObserving(watched: Watched): Promise<Observing> {
  const { settings, env, selected } = watched
  const { openServices } = await import('./services')
  const services = openServices(watched)
  const measured = settings.ops !== undefined || selected.some(({ mode }) => mode === 'http')
  const metrics = measured ? await (await import('./metrics')).openMetrics(watched) : undefined
  const spans = env.OTEL_EXPORTER_OTLP_ENDPOINT ? await (await import('./spans')).openSpans(watched) : undefined
  const read = metrics?.read ?? (async () => ({ contentType: 'text/plain', text: '' }))
  const ops = settings.ops && (await (await import('./ops')).startOps(settings.ops, { ...watched, read }))
  const parts = [services, metrics, spans].filter((part) => part !== undefined)
  return {
    observe: observers(
      parts.map(({ observer }) => observer),
      watched.log,
    ),
    metrics: read,
    url: ops?.url,
    async stop() {
      await Promise.all([services.stop(), ops?.stop(), spans?.stop()])
    },
  }
}

/** Those who watch as one; who fails at it is told of, and neither the run nor the others hear of that. */
function observers(all: Observer[], log: Log): Required<Observer> {
  const each = (tell: (one: Observer) => void) => {
    for (const one of all) {
      try {
        tell(one)
      } catch (error) {
        log.error({ err: error }, 'a run could not be observed')
      }
    }
  }
  return {
    began: (run) => each((one) => one.began?.(run)),
    ended: (run, ending, ms, error) => each((one) => one.ended?.(run, ending, ms, error)),
    deadLettered: (entry) => each((one) => one.deadLettered?.(entry)),
    redelivered: (entry) => each((one) => one.redelivered?.(entry)),
  }
}
