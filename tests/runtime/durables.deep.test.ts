import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AckPolicy, type ConsumerConfig, DeliverPolicy, ReplayPolicy } from 'nats'
import * as assert from 'uvu/assert'
import { refuseUnsafe } from '../../provision/consumer_config'
import { defaultPolicy, type Policy } from '../../runtime/manifest'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { deleteConsumer } from '../support/consumers'
import { runFunctions } from '../support/host'
import { manifestFolder } from '../support/manifest_folder'
import { type Note, notes } from '../support/notes'
import { atEnd, suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('a durable that is there already')

const taker = (subject: string, handler: (note: Note) => unknown, policy: Partial<Policy> = {}) => ({
  contracts: notes('events.a', 'events.b'),
  functions: { 'note/take': { mode: 'stream' as const, subject, policy, handler } },
})

async function floorOf(wire: Wire): Promise<{ seq: number; created: string } | undefined> {
  const jsm = await wire.nc.jetstreamManager()
  const found = await jsm.streams
    .getMessage('KV_runtime', { last_by_subj: '$KV.runtime.floor.EVENTS.note__take' })
    .catch(() => undefined)
  return found && JSON.parse(Buffer.from(found.data).toString())
}

async function start() {
  const broker = await startBroker()
  const wire = await openWire(broker)
  return { broker, wire, jsm: await wire.nc.jetstreamManager() }
}

test('of another subject is refused; deleted as told, the function gets all of its own subject', async () => {
  const { broker, wire, jsm } = await start()
  const seen: number[] = []
  const first = await runFunctions(
    broker,
    taker('events.a', ({ n }) => void seen.push(n)),
  )
  for (const n of [1, 2, 3, 4, 5]) {
    await wire.store('events.b', { n: 10 * n })
    await wire.store('events.a', { n })
  }
  await eventually('its floor to be saved', async () => (await floorOf(wire))?.seq === 10)
  await first.stop()
  const other = taker('events.b', ({ n }) => void seen.push(n))
  const refused = await runFunctions(broker, other).catch((error) => error)
  assert.match(refused.message, /filters events\.a on the server, events\.b in the manifest; delete it there/)
  await deleteConsumer(jsm, 'EVENTS', 'note__take')
  const host = await runFunctions(broker, other)
  await eventually('all of the other subject', () => seen.length === 10)
  assert.equal(seen.slice(5), [10, 20, 30, 40, 50])
  assert.ok(host.log.some(({ text }) => text.endsWith('its floor is of something else, it begins anew')))
})

test('of a stream that was put back from an older copy goes on at its end, not where the floor says', async () => {
  const { broker, wire, jsm } = await start()
  const seen: number[] = []
  const take = taker('events.a', ({ n }) => void seen.push(n))
  const first = await runFunctions(broker, take)
  await wire.store('events.a', { n: 1 })
  const floor = await eventually('its floor to be saved', () => floorOf(wire))
  await first.stop()
  await deleteConsumer(jsm, 'EVENTS', 'note__take')
  await wire.store('$KV.runtime.floor.EVENTS.note__take', { ...floor, seq: 1_000 })
  await runFunctions(broker, take)
  await wire.store('events.a', { n: 2 })
  await eventually('what the stream holds now', () => seen.includes(2))
  await eventually('the floor to be as low as the stream', async () => (await floorOf(wire))?.seq === 2)
})

/** A server whose stream has lost the last four of seven messages, which `note/take` had been given and had acked. */
async function startLossy(seen: number[]) {
  const broker = await startBroker()
  const take = taker('events.a', ({ n }) => void seen.push(n))
  const handled = async (...all: number[]) => {
    const host = await runFunctions(broker, take)
    const wire = await openWire(broker)
    for (const n of all) await wire.store('events.a', { n })
    await eventually('them to be acked', async () => {
      const { ack_floor } = await wire.durable('EVENTS', 'note__take')
      return ack_floor.stream_seq === all.at(-1)
    })
    await host.stop()
    await wire.stop()
    await broker.kill()
  }
  const messages = join(broker.folder, 'jetstream/$G/streams/EVENTS/msgs')
  const older = await mkdtemp(join(tmpdir(), 'messages-'))
  atEnd(() => rm(older, { recursive: true, force: true }))
  await handled(1, 2, 3)
  await cp(messages, older, { recursive: true })
  await broker.start()
  await handled(4, 5, 6, 7)
  await rm(messages, { recursive: true })
  await cp(older, messages, { recursive: true })
  await broker.start()
  const wire = await openWire(broker)
  const [, minor = '0'] = wire.nc.info?.version.split('.') ?? []
  // Since 2.14 a server takes the durables of one copy back by itself when it starts.
  return { broker, wire, take, mends: Number(minor) >= 14 }
}

const past = 'the consumer note__take is at 7 of EVENTS, which ends at'

test('past the end of a stream that has lost its newest messages is made anew: what got their numbers since is not skipped', async () => {
  const seen: number[] = []
  const { broker, wire, take, mends } = await startLossy(seen)
  await wire.store('events.a', { n: 40 })
  const hosts = await Promise.all([1, 2, 3].map(() => runFunctions(broker, take)))
  await wire.store('events.a', { n: 50 })
  await eventually('both to be handled', () => seen.includes(40) && seen.includes(50))
  const told = hosts.flatMap(({ log }) => log.map(({ text }) => text)).filter((text) => text.startsWith(past))
  assert.is(told.length > 0, !mends, told.join())
  assert.ok(told.every((text) => text === `${past} 4: made anew, it goes on after 0`))
})

test('past the end of its stream and of another subject is refused, as it would be without', async () => {
  const { broker } = await startLossy([])
  const refused = await runFunctions(
    broker,
    taker('events.b', () => undefined),
  ).catch((error) => error)
  assert.match(refused.message, /filters events\.a on the server, events\.b in the manifest; delete it there/)
})

test('past the end of its stream goes on from there where that was just put back, as provision --restored is told', async () => {
  const { broker, wire, mends } = await startLossy([])
  const manifest = await manifestWith()
  if (!mends) {
    const { stderr } = await runTool(broker, ['--bind-only', '--manifest', manifest])
    assert.is(stderr, `--bind-only: ${past} 3; node runtime provision makes it anew`)
  }
  const { stdout } = await runTool(broker, ['provision', '--restored', '--manifest', manifest])
  assert.is(stdout.includes(`note__take: ${past} 3: made anew, it goes on after 3\n`), !mends, stdout)
  assert.is((await wire.durable('EVENTS', 'note__take')).num_pending, 0)
  await wire.store('events.a', { n: 40 })
  assert.is((await wire.durable('EVENTS', 'note__take')).num_pending, 1)
})

test('of a stream that was made anew from a backup goes on from its floor where provision --restored is told so', async () => {
  const { broker, wire, jsm } = await start()
  const manifest = await manifestWith()
  await runTool(broker, ['provision', '--manifest', manifest])
  for (const n of [1, 2, 3]) await wire.store('events.a', { n })
  const beganAt = async (...flags: string[]) => {
    await deleteConsumer(jsm, 'EVENTS', 'note__take')
    const { stdout } = await runTool(broker, ['provision', ...flags, '--manifest', manifest])
    const { config, num_pending } = await jsm.consumers.info('EVENTS', 'note__take')
    return { stdout, start: config.opt_start_seq, num_pending }
  }
  const saved = (more: object) =>
    wire.store('$KV.runtime.floor.EVENTS.note__take', { seq: 2, created: 'before', filter: 'events.a', ...more })
  const anew = 'its floor is of something else, it begins anew'
  await saved({})
  const restored = await beganAt('--restored')
  assert.match(restored.stdout, 'note__take: the durable had vanished; it goes on from its last saved floor')
  assert.equal([restored.start, restored.num_pending], [3, 1])
  assert.match((await beganAt()).stdout, anew)
  assert.is((await beganAt('--restored')).start, 1, 'the floor of the former making is over')
  await saved({ filter: 'events.b' })
  assert.match((await beganAt('--restored')).stdout, anew)
})

const durable = (more: Partial<ConsumerConfig>): Partial<ConsumerConfig> => ({
  durable_name: 'note__take',
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  replay_policy: ReplayPolicy.Instant,
  filter_subject: 'events.a',
  ack_wait: defaultPolicy.ackWaitMs * 1e6,
  max_ack_pending: 100_000,
  ...more,
})

const ordered = { ordered: true }
const differing: [
  field: string,
  more: Partial<ConsumerConfig>,
  policy: Partial<Policy>,
  wanted: unknown,
  bound: 'refused' | 'told',
][] = [
  ['max_deliver', { max_deliver: 2 }, {}, -1, 'refused'],
  ['headers_only', { headers_only: true }, {}, undefined, 'refused'],
  ['max_ack_pending', { max_ack_pending: 1_000 }, ordered, 1, 'refused'],
  ['max_ack_pending', { max_ack_pending: 1_000 }, {}, 100_000, 'told'],
  ['ack_wait', { ack_wait: 5e9 }, {}, 30e9, 'told'],
  ['inactive_threshold', { inactive_threshold: 600e9 }, {}, undefined, 'told'],
]

const source = 'export default () => undefined'
const manifestWith = (policy: Partial<Policy> = {}) =>
  manifestFolder({ 'note/take': { mode: 'stream', subject: 'events.a', policy, source } })

let shared: ReturnType<typeof provisioned> | undefined
async function provisioned() {
  const started = await start()
  await runTool(started.broker, ['provision', '--manifest', await manifestWith()])
  return started
}

/** All that a process needs which may create nothing, but with this durable in place of the runtime's own. */
async function prepared(more: Partial<ConsumerConfig>, policy: Partial<Policy> = {}) {
  shared ??= provisioned()
  const { broker, wire, jsm } = await shared
  await deleteConsumer(jsm, 'EVENTS', 'note__take')
  await jsm.consumers.add('EVENTS', durable(more))
  return { broker, wire, jsm, manifest: await manifestWith(policy) }
}

for (const [field, more, policy, wanted, bound] of differing) {
  const kind = policy.ordered ? ', ordered,' : ''
  test(`with another ${field}${kind} is brought to the policy by provision; with --bind-only it is ${bound}`, async () => {
    const { broker, manifest, jsm } = await prepared(more, policy)
    if (bound === 'refused') {
      const { exitCode, stderr } = await runTool(broker, ['--bind-only', '--manifest', manifest])
      assert.is(exitCode, 2)
      assert.is(
        stderr,
        `consumer note__take: ${field} is ${more[field as keyof ConsumerConfig]} on the server, wanted is ` +
          `${wanted ?? 'not set'}; see node runtime provision`,
      )
    } else {
      const app = await startApp(broker, { args: ['--bind-only', '--manifest', manifest] })
      const told = app.log().filter(({ msg }) => msg === 'a consumer differs from what is wanted')
      const server = more[field as keyof ConsumerConfig]
      assert.equal(
        told.map(({ field, server, wanted }) => ({ field, server, wanted })),
        [{ field, server, wanted }],
      )
      await app.end()
    }
    const { exitCode, stdout } = await runTool(broker, ['provision', '--manifest', manifest])
    assert.is(exitCode, 0, stdout)
    assert.match(
      stdout,
      new RegExp(`^note__take: brought to the policy: ${field} \\S+, wanted ${wanted ?? 'not set'}$`, 'm'),
    )
    const { config } = await jsm.consumers.info('EVENTS', 'note__take')
    assert.is(config[field as keyof ConsumerConfig] || undefined, wanted)
  })
}

test('that would give up after fewer tries is brought to no limit, so that what fails is a dead letter', async () => {
  const { broker, wire } = await prepared({ max_deliver: 2 })
  let runs = 0
  const host = await runFunctions(
    broker,
    taker(
      'events.a',
      () => {
        runs++
        throw new Error('not now')
      },
      { maxDeliver: 4, backoffMs: [5] },
    ),
  )
  await wire.store('events.a', { n: 1 })
  await eventually('the dead letter', async () => (await wire.stored('DLQ').catch(() => [])).length === 1)
  assert.is(runs, 4)
  await host.stop()
})

for (const [field, more, line] of [
  ['ack_policy', { ack_policy: AckPolicy.All }, 'ack_policy is all on the server, wanted is explicit; delete it there'],
  [
    'deliver_subject',
    { deliver_subject: 'elsewhere' },
    'deliver_subject is elsewhere on the server, wanted is not set; delete it there',
  ],
] as const) {
  test(`with another ${field} is refused in one line, since no server changes that`, async () => {
    const { broker, manifest } = await prepared(more)
    for (const args of [['--bind-only'], [], ['provision']]) {
      const { exitCode, stderr } = await runTool(broker, [...args, '--manifest', manifest])
      assert.equal({ exitCode, stderr }, { exitCode: 2, stderr: `consumer note__take: ${line}` })
    }
  })
}

test('with another replay_policy is told, and works', async () => {
  const { broker, wire } = await prepared({ replay_policy: ReplayPolicy.Original })
  const seen: number[] = []
  const host = await runFunctions(
    broker,
    taker('events.a', ({ n }) => void seen.push(n)),
  )
  await wire.store('events.a', { n: 7 })
  await eventually('what was stored', () => seen.includes(7))
  const told = host.log.filter(({ text }) => text === 'a consumer differs from what is wanted')
  assert.equal(
    told.map(({ fields }) => fields),
    [{ consumer: 'note__take', field: 'replay_policy', server: 'original', wanted: 'instant' }],
  )
  await host.stop()
})

const subjects: [given: object, filter: string | undefined, refused: boolean][] = [
  [{}, undefined, false],
  [{ filter_subject: '>' }, undefined, false],
  [{ filter_subject: 'events.a' }, 'events.a', false],
  [{ filter_subjects: ['events.a'] }, 'events.a', false],
  [{ filter_subject: '>' }, 'events.a', true],
  [{}, 'events.a', true],
  [{ filter_subject: 'events.a' }, undefined, true],
  [{ filter_subjects: ['events.a', 'events.b'] }, undefined, true],
  [{ filter_subjects: ['events.a', 'events.b'] }, 'events.a', true],
]
for (const [given, filter, refused] of subjects) {
  test(`with ${JSON.stringify(given)} for ${filter ?? 'all'} is ${refused ? 'refused' : 'taken as it is'}`, () => {
    const spec = {
      stream: 'EVENTS',
      name: 'note__take',
      filter,
      ackWaitMs: 1,
      ordered: false,
      mostUnacked: 1,
      from: 'all',
    } as const
    const look = () =>
      refuseUnsafe({ ...given, ack_policy: 'explicit' }, spec, { carried: ['events.>'], bindOnly: false })
    if (refused) assert.throws(look, /filters/)
    else look()
  })
}

test.run()
