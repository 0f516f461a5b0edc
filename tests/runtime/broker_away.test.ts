import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { deleteConsumer } from '../support/consumers'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('when something is away')

let shared: Promise<{ broker: Broker; wire: Wire }> | undefined
const start = () => {
  shared ??= startBroker().then(async (broker) => ({ broker, wire: await openWire(broker) }))
  return shared
}

const restart = async (broker: Broker) => {
  await broker.kill('SIGKILL')
  await broker.start()
}

const connectedAgain = (wire: Wire) =>
  eventually('the test to be connected again', () =>
    wire.nc.flush().then(
      () => true,
      () => false,
    ),
  )

const settled = (wire: Wire, stream: string, name: string) =>
  eventually(`${name} to have settled everything`, async () => {
    const info = await wire.durable(stream, name).catch(() => undefined)
    return info && info.num_pending === 0 && info.num_ack_pending === 0
  })

const noLetters = async (wire: Wire, name: string) =>
  assert.equal(await wire.stored('DLQ', `dlq.${name.replace('/', '.')}`), [])

for (const [what, timeoutMs] of [
  ['that is not running', 5_000],
  ['that does not answer', 300],
] as const) {
  test(`a peer ${what} burns no attempt and is nobody's poison`, async () => {
    const { broker, wire } = await start()
    const kind = what.includes('running') ? 'absent' : 'silent'
    const attempts: number[] = []
    const silence = kind === 'silent' ? wire.nc.subscribe('rpc.silent', { callback: () => undefined }) : undefined
    await wire.nc.flush()
    await runFunctions(broker, {
      contracts: notes(`jobs.${kind}`, `rpc.${kind}`),
      functions: {
        [`waits/${kind}`]: {
          mode: 'job',
          subject: `jobs.${kind}`,
          queue: 'waits',
          requests: [`rpc.${kind}`],
          policy: { maxDeliver: 2, backoffMs: [5, 20], ackWaitMs: 1_000, timeoutMs },
          handler: async ({ n }: Note, { attempt, request }: Context) => {
            attempts.push(attempt)
            await request(`rpc.${kind}`, { n })
          },
        },
      },
    })
    await wire.store(`jobs.${kind}`, { n: 1 })
    await eventually('it to have tried often', () => attempts.length >= 5)
    await noLetters(wire, `waits/${kind}`)
    silence?.unsubscribe()
    wire.nc.subscribe(`rpc.${kind}`, { callback: (_, message) => void message.respond(Buffer.from('{"n":1}')) })
    await settled(wire, 'JOBS', `waits/${kind}`)
    assert.equal(new Set(attempts), new Set([1]))
    await noLetters(wire, `waits/${kind}`)
  })
}

test('where what it emits cannot be stored the message waits, and is done once it can', async () => {
  const { broker, wire } = await start()
  let runs = 0
  const jsm = await wire.nc.jetstreamManager()
  await runFunctions(broker, {
    contracts: notes('jobs.emits', 'out.told'),
    streams: { JOBS: { subjects: ['jobs.*'] }, OUT: { subjects: ['out.*'] } },
    functions: {
      'emits/job': {
        mode: 'job',
        subject: 'jobs.emits',
        queue: 'emits',
        emits: ['out.told'],
        policy: { maxDeliver: 1, backoffMs: [5, 20] },
        handler: ({ n }: Note, { emit }: Context) => {
          runs++
          emit('out.told', { n })
        },
      },
    },
  })
  await jsm.streams.delete('OUT')
  await wire.store('jobs.emits', { n: 1 })
  await eventually('it to have run', () => runs > 0)
  assert.is((await wire.durable('JOBS', 'emits/job')).num_ack_pending, 1)
  await jsm.streams.add({ name: 'OUT', subjects: ['out.*'] })
  await settled(wire, 'JOBS', 'emits/job')
  assert.is((await wire.stored('OUT')).length, 1)
  await noLetters(wire, 'emits/job')
})

test('a store that is away burns no attempt: the handler waits and goes on', async () => {
  const { broker, wire } = await start()
  const attempts: number[] = []
  let began = () => {}
  const underWay = new Promise<void>((resolve) => {
    began = resolve
  })
  let release = () => {}
  const brokerIsAway = new Promise<void>((resolve) => {
    release = resolve
  })
  await runFunctions(broker, {
    contracts: notes('jobs.stores', 'rpc.look'),
    functions: {
      'stores/job': {
        mode: 'job',
        subject: 'jobs.stores',
        queue: 'stores',
        stores: ['numbers'],
        policy: { maxDeliver: 3, backoffMs: [5, 20], ackWaitMs: 1_000 },
        handler: async ({ n }: Note, { attempt, store }: Context) => {
          attempts.push(attempt)
          began()
          await brokerIsAway
          await store<Record<string, boolean>>('numbers').update('seen', (known = {}) => ({ ...known, [n]: true }))
        },
      },
    },
  })
  await wire.store('jobs.stores', { n: 1 })
  await underWay
  await broker.kill('SIGKILL')
  release()
  await broker.start()
  await connectedAgain(wire)
  await settled(wire, 'JOBS', 'stores/job')
  await noLetters(wire, 'stores/job')
  assert.ok(Math.max(...attempts) <= 2, `attempts ${attempts}`)
})

test('every instance goes on soon after the broker is back: rpc, event, job and stream', async () => {
  const { broker, wire } = await start()
  const seen: Record<string, number[]> = { rpc: [], event: [], job: [], stream: [] }
  const functions = Object.fromEntries(
    (['rpc', 'event', 'job', 'stream'] as const).map((mode) => [
      `back/${mode}`,
      {
        mode,
        subject:
          mode === 'rpc' ? 'rpc.back' : `${mode === 'event' ? 'plain' : mode === 'job' ? 'jobs' : 'events'}.back`,
        queue: 'back',
        handler: (body: Note) => {
          seen[mode]?.push(body.n)
          return body
        },
      },
    ]),
  )
  const host = await runFunctions(broker, {
    contracts: notes('rpc.back', 'plain.back', 'jobs.back', 'events.back'),
    functions,
  })
  for (const round of [1, 2]) {
    await restart(broker)
    await eventually(
      'the host to be connected again',
      () => host.log.filter(({ text }) => text === 'connected to NATS again').length >= round,
    )
    await connectedAgain(wire)
    const sent = Date.now()
    await wire.store('jobs.back', { n: round })
    await wire.store('events.back', { n: round })
    await wire.send('plain.back', { n: round })
    await wire.ask('rpc.back', { n: round })
    await eventually('all four modes', () => Object.values(seen).every((all) => all.includes(round)))
    assert.ok(Date.now() - sent < 15_000, 'it took too long')
  }
})

test('a durable that was deleted while its function runs is put back, and misses nothing', async () => {
  const { broker, wire } = await start()
  const jsm = await wire.nc.jetstreamManager()
  const seen: Record<string, Set<number>> = { job: new Set(), stream: new Set() }
  await runFunctions(broker, {
    contracts: notes('jobs.deleted', 'events.deleted'),
    functions: {
      'deleted/job': {
        mode: 'job',
        subject: 'jobs.deleted',
        queue: 'deleted',
        handler: ({ n }: Note) => void seen.job?.add(n),
      },
      'deleted/stream': {
        mode: 'stream',
        subject: 'events.deleted',
        handler: ({ n }: Note) => void seen.stream?.add(n),
      },
    },
  })
  await wire.store('jobs.deleted', { n: 1 })
  await wire.store('events.deleted', { n: 1 })
  await eventually('the first', () => seen.job?.has(1) && seen.stream?.has(1))
  await deleteConsumer(jsm, 'JOBS', 'deleted__job')
  await deleteConsumer(jsm, 'EVENTS', 'deleted__stream')
  await wire.store('jobs.deleted', { n: 2 })
  await wire.store('events.deleted', { n: 2 })
  await eventually('the second', () => seen.job?.has(2) && seen.stream?.has(2))
})

test('kill -9 of the broker under load: every published message is handled, its effect once', async () => {
  const { broker, wire } = await start()
  const total = 150
  let runs = 0
  const handler = async ({ n }: Note, { store, emit }: Context) => {
    runs++
    // The record is the inbox: a repeat finds its own mark.
    await store<{ done: number[] }>('effects').update(`bucket_${n % 5}`, (known = { done: [] }) =>
      known.done.includes(n) ? known : { done: [...known.done, n] },
    )
    emit('events.effect', { n })
  }
  const options = {
    contracts: notes('events.load', 'events.effect'),
    functions: {
      'load/stream': {
        mode: 'stream' as const,
        subject: 'events.load',
        stores: ['effects'],
        emits: ['events.effect'],
        policy: { ackWaitMs: 1_000, concurrency: 8, maxDeliver: 50 },
        handler,
      },
    },
  }
  const first = await runFunctions(broker, options)
  const second = await runFunctions(broker, options)
  const publishAll = async () => {
    for (let n = 0; n < total; n++) {
      const headers = { 'Nats-Msg-Id': `load:${n}` }
      await eventually(`message ${n} to be stored`, () => wire.store('events.load', { n }, headers).catch(() => 0))
    }
  }
  const published = publishAll()
  await eventually('work to be under way', () => runs > 20)
  await restart(broker)
  await eventually('more work to be done', () => runs > 60)
  await restart(broker)
  await published
  await settled(wire, 'EVENTS', 'load/stream')
  const js = wire.nc.jetstream()
  const records = await Promise.all(
    Array.from({ length: 5 }, async (_, index) =>
      (await (await js.views.kv('effects')).get(`bucket_${index}`))?.json(),
    ),
  )
  const done = (records as { done: number[] }[]).flatMap((record) => record.done)
  const all = Array.from({ length: total }, (_, n) => n)
  assert.equal(
    done.toSorted((one, other) => one - other),
    all,
  )
  const effects = (await wire.stored('EVENTS', 'events.effect')).map(({ body }) => (body as Note).n)
  assert.equal(
    [...new Set(effects)].toSorted((one, other) => one - other),
    all,
  )
  assert.is(effects.length, total)
  await noLetters(wire, 'load/stream')
  await Promise.all([first.stop(), second.stop()])
})

test.run()
