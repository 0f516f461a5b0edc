import { any } from 'superstruct'
import * as assert from 'uvu/assert'
import { message, request } from '../../runtime/types'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('metrics, health and readiness of a process without the gateway')

async function start() {
  const broker = await startBroker()
  const wire = await openWire(broker)
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const host = await runFunctions(broker, {
    contracts: notes('rpc.double', 'events.noted'),
    functions: {
      'a/double': { mode: 'rpc', subject: 'rpc.double', queue: 'a', handler: ({ n }: Note) => ({ n: 2 * n }) },
      'a/take': {
        mode: 'stream',
        subject: 'events.noted',
        policy: { concurrency: 2, backoffMs: 5, maxDeliver: 3 },
        handler: async ({ n }: Note, { reject }: Context) => {
          if (n === 1) reject(409, 'Never.')
          if (n === 2) throw new Error('again')
          if (n === 3) await gate
        },
      },
    },
    env: { OPS_ADDR: '127.0.0.1:0' },
  })
  const get = (path: string, method = 'GET') => fetch(`${host.opsUrl}${path}`, { method })
  const metric = async (line: string) => {
    const text = await (await get('/metrics')).text()
    const found = text.split('\n').find((one) => one.startsWith(`${line} `))
    return found === undefined ? undefined : Number(found.slice(line.length + 1))
  }
  return { broker, wire, host, get, metric, release: () => release() }
}

test('what was handled, how it ended and what waits, by function', async () => {
  const { wire, metric, release, get } = await start()
  await wire.ask('rpc.double', { n: 1 })
  for (const n of [1, 2, 3, 4, 5]) await wire.store('events.noted', { n })
  const take = 'function="a/take"'
  await eventually('the third to be under way', async () => (await metric(`functions_in_flight{${take}}`)) === 1)
  await eventually(
    'the failing one to be given up',
    async () => (await metric(`functions_dead_letters_total{${take}}`)) === 2,
  )
  await eventually('it to wait', async () => (await metric(`functions_in_flight{${take}}`)) === 1)
  const of = (ending: string) => metric(`functions_handled_total{${take},mode="stream",ending="${ending}"}`)
  assert.equal([await of('refused'), await of('failed')], [1, 3])
  assert.is(await metric(`functions_redelivered_total{${take}}`), 2)
  assert.is(await metric(`functions_unacked{${take}}`), 1)
  assert.is(await metric('functions_dead_letters_stored'), 2)
  assert.is(await metric('functions_handled_total{function="a/double",mode="rpc",ending="returned"}'), 1)
  assert.is(await metric('functions_duration_seconds_count{function="a/double"}'), 1)
  assert.ok((await metric('nodejs_eventloop_lag_seconds')) !== undefined)
  release()
  await eventually('all to be done', async () => (await of('returned')) === 3)
  assert.is(await metric(`functions_pending{${take}}`), 0)
  const { headers } = await get('/metrics')
  assert.match(headers.get('content-type') as string, /^text\/plain/)
})

test('a run counts as what its caller hears, one that found no slot is refused, and a delivery counts once', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let runs = 0
  const job = { mode: 'job' as const, queue: 'a', policy: { backoffMs: 5, maxDeliver: 2, timeoutMs: 500 } }
  const host = await runFunctions(broker, {
    contracts: {
      ...notes('rpc.busy', 'rpc.peer', 'jobs.large', 'jobs.waits'),
      'rpc.large': request(Note, any()),
      'events.large': message(any()),
    },
    functions: {
      'a/large': { mode: 'rpc', subject: 'rpc.large', queue: 'a', handler: () => 'x'.repeat(2 * 1024 * 1024) },
      'a/busy': {
        mode: 'rpc',
        subject: 'rpc.busy',
        queue: 'a',
        policy: { concurrency: 1 },
        handler: async (body: Note) => {
          await gate
          return body
        },
      },
      'a/emit': {
        ...job,
        subject: 'jobs.large',
        emits: ['events.large'],
        handler: (_: Note, { emit }: Context) => emit('events.large', 'x'.repeat(2 * 1024 * 1024)),
      },
      'a/waits': {
        ...job,
        subject: 'jobs.waits',
        requests: ['rpc.peer'],
        handler: async (body: Note, { request: ask }: Context) => {
          if (++runs === 1) throw new Error('once')
          if (runs < 8) await ask('rpc.peer', body, { timeoutMs: 20 })
        },
      },
    },
    env: { OPS_ADDR: '127.0.0.1:0' },
  })
  await wire.ask('rpc.large', { n: 1 })
  await wire.store('jobs.large', { n: 1 })
  await wire.store('jobs.waits', { n: 1 })
  const asked = Array.from({ length: 1_020 }, (_, n) => wire.ask('rpc.busy', { n }))
  for (const one of asked.slice(1_001)) assert.is((await one).headers['Nats-Service-Error-Code'], '503')
  release()
  await Promise.all(asked)
  await eventually('the dead letter', async () => (await wire.stored('DLQ')).length === 1)
  await eventually('the runs', () => runs === 8)
  await eventually('it to be done', async () => (await wire.durable('JOBS', 'a/waits')).num_ack_pending === 0)
  const lines = (await (await fetch(`${host.opsUrl}/metrics`)).text()).split('\n')
  const counted = lines.filter(
    (line) => /^functions_(handled|redelivered|in_flight)/.test(line) && !line.endsWith(' 0'),
  )
  const of = (name: string, mode: string, ending: string, count: number) =>
    `functions_handled_total{function="a/${name}",mode="${mode}",ending="${ending}"} ${count}`
  assert.equal(counted.toSorted(), [
    of('busy', 'rpc', 'refused', 19),
    of('busy', 'rpc', 'returned', 1_001),
    of('emit', 'job', 'failed', 2),
    of('large', 'rpc', 'failed', 1),
    of('waits', 'job', 'away', 6),
    of('waits', 'job', 'failed', 1),
    of('waits', 'job', 'returned', 1),
    'functions_redelivered_total{function="a/emit"} 1',
    'functions_redelivered_total{function="a/waits"} 1',
  ])
  const busy = host.log.filter(({ text }) => text === 'too busy: turned away')
  assert.ok(busy.length > 0 && busy.length < 5)
  const { endpoints } = (await wire.ask('$SRV.STATS.a__busy', {})).body as { endpoints: object[] }
  const { num_requests, num_errors } = endpoints[0] as Record<string, number>
  assert.equal([num_requests, num_errors], [1_020, 19])
})

test('a broker that is away leaves out what it alone knows', async () => {
  const { broker, metric, get } = await start()
  assert.is(await metric('functions_pending{function="a/take"}'), 0)
  await broker.kill('SIGKILL')
  await eventually('not to be ready', async () => (await get('/ready')).status === 503)
  assert.is(await metric('functions_pending{function="a/take"}'), undefined)
  assert.is(await metric('functions_in_flight{function="a/take"}'), 0)
  assert.is((await get('/api/v1/health')).status, 200)
})

test('health and readiness; other paths and methods are told so; not ready before it closes', async () => {
  const { host, get } = await start()
  assert.equal([(await get('/api/v1/health')).status, await (await get('/api/v1/health')).text()], [200, 'OK'])
  assert.equal([(await get('/ready')).status, await (await get('/ready')).text()], [200, 'ready'])
  assert.is((await get('/ready', 'HEAD')).status, 200)
  assert.is((await get('/nothing')).status, 404)
  assert.is((await get('/constructor')).status, 404)
  const refused = await get('/metrics', 'POST')
  assert.equal([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD'])
  assert.equal(await refused.json(), {
    type: '/problems/method-not-allowed',
    title: 'The path takes other methods; Allow lists them.',
    status: 405,
    instance: '/metrics',
  })
  await host.stop()
  assert.is(
    await get('/ready').then(
      ({ status }) => status,
      () => 'closed',
    ),
    'closed',
  )
})

test('a port that is taken is one line that names the variable', async () => {
  const { broker, host } = await start()
  const address = new URL(host.opsUrl as string).host
  const functions = { 'a/b': { mode: 'rpc' as const, subject: 'rpc.double', queue: 'a', handler: () => ({ n: 1 }) } }
  await runFunctions(broker, { contracts: notes('rpc.double'), functions, env: { OPS_ADDR: address } }).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /^OPS_ADDR: cannot listen: .*EADDRINUSE/),
  )
})

test.run()
