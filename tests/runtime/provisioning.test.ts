import { AckPolicy } from 'nats'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { deleteConsumer } from '../support/consumers'
import { runFunctions } from '../support/host'
import { manifestFolder } from '../support/manifest_folder'
import { type Note, notes } from '../support/notes'
import { startProxy } from '../support/proxy'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('what the functions need on the broker')

const numbers = (most: number) => Array.from({ length: most }, (_, index) => index + 1)

/** A stream function that notes what it handled. */
function listener(handled: number[], policy: object = {}) {
  return {
    contracts: notes('events.noted'),
    functions: {
      'note/take': {
        mode: 'stream' as const,
        subject: 'events.noted',
        policy,
        handler: ({ n }: Note) => void handled.push(n),
      },
    },
  }
}

async function floorOf(wire: Awaited<ReturnType<typeof openWire>>): Promise<number> {
  const jsm = await wire.nc.jetstreamManager()
  const found = await jsm.streams
    .getMessage('KV_runtime', { last_by_subj: '$KV.runtime.floor.EVENTS.note__take' })
    .catch(() => undefined)
  return found ? (JSON.parse(Buffer.from(found.data).toString()) as { seq: number }).seq : 0
}

test('a durable that vanishes while running goes on from its last saved floor', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  const host = await runFunctions(broker, listener(handled))
  for (const n of numbers(50)) await wire.store('events.noted', { n })
  await eventually('its floor to be saved', async () => (await floorOf(wire)) === 50)
  const jsm = await wire.nc.jetstreamManager()
  await deleteConsumer(jsm, 'EVENTS', 'note__take')
  await wire.store('events.noted', { n: 51 })
  await eventually('what came after', () => handled.includes(51))
  assert.equal(handled, numbers(51))
  assert.ok(host.log.some(({ text }) => text.includes('goes on from its last saved floor')))
})

test('one that vanished while nothing ran does, too; of a stream made anew it takes all', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  const first = await runFunctions(broker, listener(handled))
  for (const n of numbers(5)) await wire.store('events.noted', { n })
  await eventually('its floor to be saved', async () => (await floorOf(wire)) === 5)
  await first.stop()
  const jsm = await wire.nc.jetstreamManager()
  await deleteConsumer(jsm, 'EVENTS', 'note__take')
  await wire.store('events.noted', { n: 6 })
  const second = await runFunctions(broker, listener(handled))
  await eventually('what came meanwhile', () => handled.includes(6))
  assert.equal(handled, numbers(6))
  await second.stop()

  await jsm.streams.delete('EVENTS')
  await jsm.streams.add({ name: 'EVENTS', subjects: ['events.*'] })
  await wire.store('events.noted', { n: 7 })
  await runFunctions(broker, listener(handled))
  await eventually('what the new stream holds', () => handled.includes(7))
  assert.equal(handled, numbers(7))
})

test('one that begins with what is new is put back where it began, before it has handled anything', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  const host = await runFunctions(broker, listener(handled, { from: 'new' }))
  await host.stop()
  const jsm = await wire.nc.jetstreamManager()
  await deleteConsumer(jsm, 'EVENTS', 'note__take')
  await wire.store('events.noted', { n: 1 })
  await runFunctions(broker, listener(handled, { from: 'new' }))
  await eventually('what came while it was gone', () => handled.includes(1))
})

test('a stream that vanishes is a fault: not ready, not made anew, put right by command', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const source = 'export default () => undefined'
  const manifest = await manifestFolder({ 'note/take': { mode: 'stream', subject: 'events.noted', source } })
  const handled: number[] = []
  const host = await runFunctions(broker, listener(handled))
  await wire.store('events.noted', { n: 1 })
  await eventually('it to be handled', () => handled.length === 1)
  assert.is(await host.ready(), true)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.delete('EVENTS')
  await eventually('not to be ready', async () => !(await host.ready()))
  assert.ok(host.log.some(({ level, fields }) => level === 'error' && String(fields.streams) === 'EVENTS'))
  assert.is(
    await jsm.streams
      .names()
      .next()
      .then((names) => names.includes('EVENTS')),
    false,
  )

  const refused = await runTool(broker, ['--manifest', manifest])
  assert.is(refused.exitCode, 2)
  assert.match(refused.stderr, /^NATS_URL: EVENTS: there before and gone now, .*node runtime provision$/)

  const { exitCode, stdout } = await runTool(broker, ['provision', '--manifest', manifest])
  assert.is(exitCode, 0, stdout)
  assert.match(stdout, /^EVENTS: created$/m)
  await eventually('to be ready again', () => host.ready())
  await wire.store('events.noted', { n: 2 })
  await eventually('what the new stream holds', () => handled.includes(2))
})

test('a stream that differs is reported with both values, and brought to what is wanted by command alone', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const source = 'export default () => undefined'
  const manifest = await manifestFolder(
    { 'note/take': { mode: 'stream', subject: 'events.noted', source } },
    { EVENTS: { subjects: ['events.*'], maxAgeMs: 3_600_000 } },
  )
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.add({
    name: 'EVENTS',
    subjects: ['events.*'],
    max_age: 60e9,
    allow_direct: true,
    duplicate_window: 60e9,
  })
  const host = await runFunctions(broker, {
    ...listener([]),
    streams: { EVENTS: { subjects: ['events.*'], maxAgeMs: 3_600_000 } },
  })
  const told = host.log
    .filter(({ text }) => text === 'a stream differs from what is wanted')
    .map(({ fields }) => fields)
  assert.equal(told, [
    { stream: 'EVENTS', field: 'max_age', server: 60e9, wanted: 3600e9 },
    { stream: 'EVENTS', field: 'duplicate_window', server: 60e9, wanted: 600e9 },
  ])
  assert.is((await jsm.streams.info('EVENTS')).config.max_age, 60e9)
  const looked = await runTool(broker, ['provision', '--manifest', manifest])
  assert.is(looked.exitCode, 1)
  assert.match(looked.stdout, /^EVENTS: max_age is 1m, wanted is 1h$/m)
  assert.match(looked.stdout, /^4 streams, 2 differences$/m)
  const updated = await runTool(broker, ['provision', '--update', '--manifest', manifest])
  assert.is(updated.exitCode, 0, updated.stdout + updated.stderr)
  assert.is((await jsm.streams.info('EVENTS')).config.max_age, 3600e9)
})

const source = 'export default () => undefined'
const widened = { JOBS: { subjects: ['jobs.*', 'work.*'] } }
const job = { mode: 'job' as const, subject: 'jobs.*', queue: 'note', source }
const work = { mode: 'job' as const, subject: 'work.do', queue: 'note', source }

/** A broker on which a function of `jobs.*`, all that JOBS carried, has run. */
async function afterJobs() {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const before = await manifestFolder({ 'note/all': job }, { JOBS: { subjects: ['jobs.*'] } })
  assert.is((await runTool(broker, ['provision', '--manifest', before])).exitCode, 0)
  return { broker, wire, before, jsm: await wire.nc.jetstreamManager() }
}

test('a stream of our own gets other subjects by provision --update, and its durables go on', async () => {
  const { broker, before, jsm } = await afterJobs()
  const after = await manifestFolder({ 'note/all': job, 'note/work': work }, widened)
  const line =
    'NATS_URL: the stream JOBS carries jobs.*, and the functions need work.do; node runtime provision --update ' +
    'brings it to functions/_streams.ts (--embedded starts its server)'
  for (const command of [[], ['provision']]) {
    const { exitCode, stderr } = await runTool(broker, [...command, '--manifest', after])
    assert.equal({ exitCode, stderr }, { exitCode: 2, stderr: line })
  }
  const updated = await runTool(broker, ['provision', '--update', '--manifest', after])
  assert.equal([updated.exitCode, updated.stderr], [0, ''], updated.stdout)
  assert.equal((await jsm.streams.info('JOBS')).config.subjects, ['jobs.*', 'work.*'])
  assert.is((await jsm.consumers.info('JOBS', 'note__all')).config.filter_subject, 'jobs.*')
  const back = await runTool(broker, ['provision', '--update', '--manifest', before])
  assert.equal([back.exitCode, back.stderr], [0, ''], back.stdout)
  assert.equal((await jsm.streams.info('JOBS')).config.subjects, ['jobs.*'])
})

test('where no function needs what the stream lacks it is drift, told at the start', async () => {
  const { broker } = await afterJobs()
  const host = await runFunctions(broker, {
    contracts: notes('jobs.noted'),
    streams: widened,
    functions: { 'note/all': { mode: 'job', subject: 'jobs.*', queue: 'note', handler: () => undefined } },
  })
  const told = host.log.filter(({ text }) => text === 'a stream differs from what is wanted')
  assert.equal(
    told.map(({ fields }) => fields),
    [{ stream: 'JOBS', field: 'subjects', server: ['jobs.*'], wanted: ['jobs.*', 'work.*'] }],
  )
})

test('a stream that is not marked as ours is never changed', async () => {
  const broker = await startBroker()
  const jsm = await (await openWire(broker)).nc.jetstreamManager()
  await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
  const after = await manifestFolder({ 'note/work': work }, widened)
  const { exitCode, stderr } = await runTool(broker, ['provision', '--update', '--manifest', after])
  assert.is(exitCode, 2)
  assert.is(
    stderr,
    "NATS_URL: the stream JOBS on this server is another system's: it carries jobs.*, ours jobs.*, work.*",
  )
  assert.equal((await jsm.streams.info('JOBS')).config.subjects, ['jobs.*'])
})

test('--prune deletes the durable of a function that is gone, and of nobody else', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  const host = await runFunctions(broker, listener(handled))
  await wire.store('events.noted', { n: 1 })
  await eventually('its floor to be saved', async () => (await floorOf(wire)) === 1)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.consumers.add('EVENTS', { durable_name: 'some__body', ack_policy: AckPolicy.Explicit })
  const without = await manifestFolder({ 'note/other': { mode: 'stream', subject: 'events.noted', source } })
  const prune = async (...flags: string[]) =>
    (await runTool(broker, ['provision', ...flags, '--manifest', without])).stdout
  const durable = 'EVENTS: the durable note__take belongs to no function of the manifest'
  assert.match(await prune('--prune'), `${durable}, and a process pulls from it\n`)
  await host.stop()
  await eventually('its pull to be over', async () => !(await prune()).includes('pulls from it'))
  assert.match(await prune(), `${durable}; --prune deletes it\n`)
  assert.match(await prune('--prune'), `${durable}: deleted\n`)
  const left = await jsm.consumers.list('EVENTS').next()
  assert.equal(left.map(({ name }) => name).toSorted(), ['note__other', 'some__body'])
})

test('streams that are as wanted are reported by nobody', async () => {
  const broker = await startBroker()
  await (await runFunctions(broker, listener([]))).stop()
  const host = await runFunctions(broker, listener([]))
  assert.equal(
    host.log.filter(({ text }) => text.includes('differs')).map(({ fields }) => fields),
    [],
  )
})

test('--bind-only creates nothing and says what is missing', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const source = 'export default () => undefined'
  const manifest = await manifestFolder({ 'note/take': { mode: 'stream', subject: 'events.noted', source } })
  const streams = await runTool(broker, ['--bind-only', '--manifest', manifest])
  assert.is(streams.exitCode, 2)
  assert.is(streams.stderr, '--bind-only: missing on the server: EVENTS, JOBS, DLQ, KV_runtime_tries, KV_runtime')
  const jsm = await wire.nc.jetstreamManager()
  assert.equal(await jsm.streams.names().next(), [])
  await runTool(broker, ['provision', '--manifest', manifest])
  await deleteConsumer(jsm, 'EVENTS', 'note__take')
  const consumers = await runTool(broker, ['--bind-only', '--manifest', manifest])
  assert.is(consumers.exitCode, 2)
  assert.is(consumers.stderr, '--bind-only: the consumer note__take of EVENTS is missing on the server')
  assert.equal(await jsm.consumers.list('EVENTS').next(), [])
})

for (const [what, denied, line] of [
  ['publish to what it needs', 'publish: { deny: "$JS.API.>" }', /^NATS_URL: .*may not publish to \$JS\.API\.\S+$/],
  [
    'subscribe to what it serves',
    'subscribe: { deny: "rpc.>" }',
    /^NATS_URL: this user may not subscribe to rpc\.noted$/,
  ],
] as const) {
  test(`a user who may not ${what} is told so in one line, with exit code 2`, async () => {
    const broker = await startBroker({
      configuration: `authorization { users: [ { user: "some", password: "one", permissions: { ${denied} } } ] }`,
    })
    const source = 'export default () => ({ n: 1 })'
    const manifest = await manifestFolder({
      'note/serve': { mode: 'rpc', subject: 'rpc.noted', queue: 'note', source },
    })
    const login = { NATS_USER: 'some', NATS_PASSWORD: 'one', LOG_LEVEL: 'silent' }
    const { exitCode, stderr } = await runTool(broker, ['--manifest', manifest], login)
    assert.is(exitCode, 2)
    assert.match(stderr, line)
  })
}

for (const [version, env, line] of [
  ['2.8.4', {}, 'NATS_URL: nats-server 2.8.4 is too old; 2.9.10 is needed'],
  ['2.10.29', { REPLICAS: '3' }, 'REPLICAS: 3 needs nats-server 2.11.0 or newer; this one is 2.10.29'],
] as const) {
  test(`a server of version ${version} with ${JSON.stringify(env)} is refused in one line`, async () => {
    const proxy = await startProxy(await startBroker(), { version })
    const source = 'export default () => undefined'
    const manifest = await manifestFolder({ 'note/take': { mode: 'stream', subject: 'events.noted', source } })
    const { exitCode, stderr } = await runTool(proxy, ['--manifest', manifest], env)
    assert.equal({ exitCode, stderr }, { exitCode: 2, stderr: line })
  })
}

test('replicas are refused by a server that is alone, and by one too old for them', async () => {
  const broker = await startBroker()
  const source = 'export default () => undefined'
  const manifest = await manifestFolder({ 'note/take': { mode: 'stream', subject: 'events.noted', source } })
  const { exitCode, stderr } = await runTool(broker, ['--manifest', manifest], { REPLICAS: '3' })
  assert.is(exitCode, 2)
  assert.match(
    stderr,
    /^REPLICAS: 3 needs (nats-server 2\.11\.0 or newer; this one is 2\.9\.\d+|a cluster; this server is alone)$/,
  )
})

test.run()
