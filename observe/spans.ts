import packageJson from '../package.json'
import { configuration } from '../runtime/errors'
import type { Ending, Observed, Observer } from './observer'
import type { Watched } from './observing'
import { sampleNew } from './trace'

const flushMs = 4_000
const exportMs = 3_000
const tellAgainMs = 60_000
const packages = '@opentelemetry/exporter-trace-otlp-http @opentelemetry/sdk-trace @opentelemetry/resources'
// Of OpenTelemetry's enumerations.
const kinds = { server: 1, consumer: 4 }
const failed = 2

/** A span for each run, exported by OTLP over HTTP, with the ids that travel in `traceparent`. */
export async function openSpans({ env, log }: Watched): Promise<{ observer: Observer; stop(): Promise<void> }> {
  const { OTLPTraceExporter, BatchSpanProcessor, resourceFromAttributes } = await load()
  const resource = resourceFromAttributes({
    'service.name': env.OTEL_SERVICE_NAME || packageJson.name,
    'service.version': packageJson.version,
  })
  const url = `${env.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')}/v1/traces`
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: exportMs })
  let told = 0
  const watched: typeof exporter = Object.assign(Object.create(exporter), {
    export(spans: Parameters<typeof exporter.export>[0], done: Parameters<typeof exporter.export>[1]) {
      exporter.export(spans, (result) => {
        if (result.error && Date.now() - told > tellAgainMs) {
          told = Date.now()
          log.warn({ err: result.error }, 'spans are not taken')
        }
        done(result)
      })
    },
  })
  const processor = new BatchSpanProcessor({ exporter: watched })
  sampleNew()

  const spanOf = (run: Observed, ending: Ending, ms: number, error: Error | undefined) => {
    const self = contextOf(run.traceparent)
    const parent = run.parent ? contextOf(run.parent) : undefined
    const known = parent && parent.traceId === self.traceId
    return {
      name: `${run.entry.mode} ${run.entry.name}`,
      kind: run.entry.mode === 'rpc' || run.entry.mode === 'http' ? kinds.server : kinds.consumer,
      spanContext: () => self,
      ...(known && { parentSpanContext: { ...parent, isRemote: true } }),
      startTime: asTime(run.startedAt),
      endTime: asTime(run.startedAt + ms),
      duration: asTime(ms),
      ended: true,
      status: ending === 'returned' || ending === 'later' ? { code: 0 } : { code: failed, message: error?.message },
      attributes: attributesOf(run, ending),
      links: [],
      events: [],
      resource,
      instrumentationScope: { name: packageJson.name, version: packageJson.version },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    }
  }

  return {
    observer: {
      ended(run, ending, ms, error) {
        if (contextOf(run.traceparent).traceFlags & 1) processor.onEnd(spanOf(run, ending, ms, error))
      },
    },
    async stop() {
      const late = new Promise((resolve) => void setTimeout(resolve, flushMs).unref())
      await Promise.race([processor.shutdown(), late]).catch(() => undefined)
    },
  }
}

async function load() {
  try {
    const [{ OTLPTraceExporter }, { BatchSpanProcessor }, { resourceFromAttributes }] = await Promise.all([
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/resources'),
    ])
    return { OTLPTraceExporter, BatchSpanProcessor, resourceFromAttributes }
  } catch {
    throw configuration(`OTEL_EXPORTER_OTLP_ENDPOINT: needs packages that are not here: npm install ${packages}`)
  }
}

function contextOf(traceparent: string) {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-')
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) }
}

function attributesOf({ entry, subject, id, attempt }: Observed, ending: Ending) {
  const about = { 'faas.name': entry.name, 'function.ending': ending }
  if (entry.mode === 'http') {
    const [method = '', target = ''] = subject.split(' ')
    return { ...about, 'http.request.method': method, 'url.path': target.split('?')[0] }
  }
  return {
    ...about,
    'messaging.system': 'nats',
    'messaging.destination.name': subject,
    'messaging.message.id': id,
    'function.attempt': attempt,
  }
}

/** Seconds and nanoseconds. */
const asTime = (ms: number): [number, number] => [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)]
