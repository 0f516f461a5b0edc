import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('spans by OTLP')

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  status: { code: number; message?: string }
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[]
}

/** A collector, as far as one is needed: it takes what is exported. */
async function startCollector() {
  const spans: Span[] = []
  const resources: unknown[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString())
    for (const { resource, scopeSpans } of resourceSpans) {
      resources.push(resource)
      for (const scope of scopeSpans) spans.push(...scope.spans)
    }
    response.setHeader('Content-Type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => server.closeAllConnections())
  atEnd(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, resources }
}

const trace = 'a'.repeat(32)
const caller = 'b'.repeat(16)

const functions = {
  contracts: notes('rpc.first', 'rpc.second', 'events.third'),
  functions: {
    'a/first': {
      mode: 'rpc' as const,
      subject: 'rpc.first',
      queue: 'a',
      requests: ['rpc.second'],
      handler: async (body: Note, { request }: Context) => (await request('rpc.second', body)).body,
    },
    'a/second': {
      mode: 'rpc' as const,
      subject: 'rpc.second',
      queue: 'a',
      emits: ['events.third'],
      handler: (body: Note, { emit }: Context) => {
        emit('events.third', body)
        return body
      },
    },
    'a/third': {
      mode: 'stream' as const,
      subject: 'events.third',
      handler: (_: Note, { reject }: Context) => reject(409, 'Not now.'),
    },
  },
}

test('one trace through every hop, each span the child of the one before', async () => {
  const { url, spans, resources } = await startCollector()
  const broker = await startBroker()
  const wire = await openWire(broker)
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/`, OTEL_SERVICE_NAME: 'some-service' }
  const host = await runFunctions(broker, { ...functions, env })
  await wire.ask('rpc.first', { n: 1 }, { traceparent: `00-${trace}-${caller}-01` })
  await eventually('the last hop', async () => (await wire.stored('DLQ')).length === 1)
  await host.stop()
  const byName = Object.fromEntries(spans.map((span) => [span.name, span]))
  const [first, second, third] = ['rpc a/first', 'rpc a/second', 'stream a/third'].map((name) => byName[name] as Span)
  assert.is(spans.length, 3)
  assert.equal([...new Set(spans.map(({ traceId }) => traceId))], [trace])
  assert.equal(
    [first?.parentSpanId, second?.parentSpanId, third?.parentSpanId],
    [caller, first?.spanId, second?.spanId],
  )
  assert.equal([first?.kind, third?.kind], [2, 5])
  assert.equal([first?.status.code ?? 0, third?.status], [0, { code: 2, message: 'Not now.' }])
  const attributes = Object.fromEntries((third as Span).attributes.map(({ key, value }) => [key, value]))
  assert.is(attributes['messaging.destination.name']?.stringValue, 'events.third')
  assert.is(attributes['function.ending']?.stringValue, 'refused')
  assert.ok(BigInt((first as Span).endTimeUnixNano) >= BigInt((second as Span).endTimeUnixNano))
  assert.match(JSON.stringify(resources[0]), /"service\.name".*"some-service"/)
})

test('a trace that its caller does not sample is not exported', async () => {
  const { url, spans } = await startCollector()
  const broker = await startBroker()
  const wire = await openWire(broker)
  const host = await runFunctions(broker, { ...functions, env: { OTEL_EXPORTER_OTLP_ENDPOINT: url } })
  await wire.ask('rpc.second', { n: 1 }, { traceparent: `00-${trace}-${caller}-00` })
  await wire.ask('rpc.second', { n: 2 }, { traceparent: `00-${'c'.repeat(32)}-${caller}-01` })
  await host.stop()
  assert.equal([...new Set(spans.map(({ traceId }) => traceId))], ['c'.repeat(32)])
})

test('a trace that begins here is exported', async () => {
  const { url, spans } = await startCollector()
  const broker = await startBroker()
  const wire = await openWire(broker)
  const host = await runFunctions(broker, { ...functions, env: { OTEL_EXPORTER_OTLP_ENDPOINT: url } })
  await wire.ask('rpc.second', { n: 1 })
  await host.stop()
  assert.ok(spans.some(({ name }) => name === 'rpc a/second'))
})

test('a collector that is away changes nothing but a log line', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const host = await runFunctions(broker, { ...functions, env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' } })
  assert.equal((await wire.ask('rpc.first', { n: 1 })).body, { n: 1 })
  assert.is(await host.stop(), true)
  assert.ok(host.log.some(({ text }) => text === 'spans are not taken'))
})

test.run()
