import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions, type TestFunction } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('who gets a message in each mode')

let shared: Promise<{ broker: Broker; wire: Wire }> | undefined
const start = () => {
  shared ??= startBroker().then(async (broker) => ({ broker, wire: await openWire(broker) }))
  return shared
}

/** Two instances of the same function, and what each of them was given. */
async function twice(broker: Broker, name: string, fn: Omit<TestFunction, 'handler'>, work = async () => {}) {
  const given: number[][] = [[], []]
  for (const mine of given) {
    await runFunctions(broker, {
      contracts: notes(fn.subject as string),
      functions: {
        [name]: {
          ...fn,
          handler: async ({ n }: Note) => {
            mine.push(n)
            await work()
            return { n }
          },
        },
      },
    })
  }
  return { given, all: () => given.flat().toSorted((one, other) => one - other) }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

test('rpc: the instances of a queue group share the requests', async () => {
  const { broker, wire } = await start()
  const { given, all } = await twice(broker, 'share/ask', { mode: 'rpc', subject: 'rpc.share', queue: 'share' })
  await Promise.all(numbers(100).map((n) => wire.ask('rpc.share', { n })))
  assert.equal(all(), numbers(100))
  assert.ok(
    given.every(({ length }) => length > 0),
    `${given.map(({ length }) => length)}`,
  )
})

test('event with a queue: each goes to one member', async () => {
  const { broker, wire } = await start()
  const { given, all } = await twice(broker, 'share/event', { mode: 'event', subject: 'plain.shared', queue: 'share' })
  for (const n of numbers(100)) await wire.send('plain.shared', { n })
  await eventually('all of them', () => all().length >= 100)
  assert.equal(all(), numbers(100))
  assert.ok(
    given.every(({ length }) => length > 0),
    `${given.map(({ length }) => length)}`,
  )
})

test('event without a queue: each reaches every instance, in order', async () => {
  const { broker, wire } = await start()
  const { given } = await twice(broker, 'all/event', { mode: 'event', subject: 'plain.all' })
  for (const n of numbers(20)) await wire.send('plain.all', { n })
  await eventually('all of them', () => given.every(({ length }) => length >= 20))
  assert.equal(given, [numbers(20), numbers(20)])
})

test('event on a wildcard: every subject under it, told apart by the message', async () => {
  const { broker, wire } = await start()
  const seen: string[] = []
  await runFunctions(broker, {
    contracts: notes('wide.a', 'wide.b'),
    functions: {
      'all/wide': {
        mode: 'event',
        subject: 'wide.*',
        handler: (_: Note, { message }: Context) => void seen.push(message.subject),
      },
    },
  })
  await wire.send('wide.a', { n: 1 })
  await wire.send('wide.unknown', { n: 1 })
  await wire.send('wide.b', { n: 1 })
  await eventually('both', () => seen.length === 2)
  assert.equal(seen, ['wide.a', 'wide.b'])
})

for (const [mode, subject] of [
  ['job', 'jobs.shared'],
  ['stream', 'events.shared'],
] as const) {
  test(`${mode}: two instances share one durable, and both get work`, async () => {
    const { broker, wire } = await start()
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    // Each instance has one slot and holds it, so that the second message has to go to the other one.
    const policy = { concurrency: 1 }
    const fn = { mode, subject, queue: 'share', policy }
    const { given, all } = await twice(broker, `share/${mode}`, fn, () => gate)
    for (const n of numbers(20)) await wire.store(subject, { n })
    await eventually('one for each', () => given.every(({ length }) => length === 1))
    release()
    await eventually('all of them', () => all().length >= 20)
    assert.equal(all(), numbers(20))
  })
}

test('a stream function from all gets the history, one from new does not, and both all that comes', async () => {
  const { broker, wire } = await start()
  const seen: Record<string, number[]> = { all: [], new: [] }
  await wire.nc.jetstreamManager().then((jsm) => jsm.streams.add({ name: 'OLD', subjects: ['old.*'] }))
  await wire.store('old.told', { n: 1 })
  await wire.store('old.told', { n: 2 })
  const history = (from: 'all' | 'new'): TestFunction => ({
    mode: 'stream',
    subject: 'old.told',
    policy: { from },
    handler: ({ n }: Note) => void seen[from]?.push(n),
  })
  await runFunctions(broker, {
    contracts: notes('old.told'),
    streams: { OLD: { subjects: ['old.*'] } },
    functions: { 'history/all': history('all'), 'history/new': history('new') },
  })
  await wire.store('old.told', { n: 3 })
  await eventually('the one after the start', () => seen.new?.includes(3) && seen.all?.includes(3))
  assert.equal(seen, { all: [1, 2, 3], new: [3] })
})

test('a stream function that starts again goes on where it was', async () => {
  const { broker, wire } = await start()
  const seen: number[] = []
  const options = {
    contracts: notes('events.goes_on'),
    functions: {
      'goes/on': { mode: 'stream' as const, subject: 'events.goes_on', handler: ({ n }: Note) => void seen.push(n) },
    },
  }
  const first = await runFunctions(broker, options)
  await wire.store('events.goes_on', { n: 1 })
  await eventually('the first', () => seen.length === 1)
  assert.is(await first.stop(), true)
  await wire.store('events.goes_on', { n: 2 })
  await runFunctions(broker, options)
  await eventually('the second', () => seen.length === 2)
  assert.equal(seen, [1, 2])
})

test('ordered keeps the order of the stream over two instances, through failures and later', async () => {
  const { broker, wire } = await start()
  const done: number[] = []
  let failed = 0
  const workers = new Set<number>()
  for (const worker of [1, 2]) {
    await runFunctions(broker, {
      contracts: notes('events.ordered'),
      functions: {
        'in/order': {
          mode: 'stream',
          subject: 'events.ordered',
          policy: { ordered: true, backoffMs: [5, 10] },
          handler: async ({ n }: Note, { attempt, later }: Context) => {
            workers.add(worker)
            await new Promise((resolve) => setImmediate(resolve))
            if (attempt === 1 && n % 7 === 3) {
              failed++
              throw new Error('not yet')
            }
            if (attempt === 1 && n === 5 && failed++ < 3) later(5)
            done.push(n)
          },
        },
      },
    })
  }
  for (const n of numbers(40)) await wire.store('events.ordered', { n })
  await eventually('all of them', () => done.length >= 40)
  assert.equal(done, numbers(40))
  assert.ok(failed > 3)
  assert.is(workers.size, 2)
})

for (const [mode, subject] of [
  ['rpc', 'rpc.busy'],
  ['event', 'plain.busy'],
  ['job', 'jobs.busy'],
  ['stream', 'events.busy'],
] as const) {
  test(`${mode}: never more than its concurrency at once, and no more pulled than there are free slots`, async () => {
    const { broker, wire } = await start()
    const open: (() => void)[] = []
    let ended = 0
    let most = 0
    await runFunctions(broker, {
      contracts: notes(subject),
      functions: {
        [`busy/${mode}`]: {
          mode,
          subject,
          queue: 'busy',
          policy: { concurrency: 3 },
          handler: async ({ n }: Note) => {
            await new Promise<void>((resolve) => {
              open.push(resolve)
              most = Math.max(most, open.length)
            })
            ended++
            return { n }
          },
        },
      },
    })
    const replies = numbers(12).map((n) =>
      mode === 'rpc'
        ? wire.ask(subject, { n })
        : mode === 'event'
          ? wire.send(subject, { n })
          : wire.store(subject, { n }),
    )
    if (mode !== 'rpc') await Promise.all(replies)
    while (ended < 12) {
      await eventually('every free slot to be taken', () => open.length === Math.min(3, 12 - ended))
      if (mode === 'job' || mode === 'stream') {
        const info = await wire.durable(mode === 'job' ? 'JOBS' : 'EVENTS', `busy/${mode}`)
        assert.ok(info.num_ack_pending <= 3, `${info.num_ack_pending} pulled with 3 slots`)
      }
      const before = ended
      open.shift()?.()
      await eventually('it to end', () => ended > before)
    }
    await Promise.all(replies)
    assert.is(most, 3)
  })
}

test('rpc: beyond its slots and its queue it answers 503 at once', async () => {
  const { broker, wire } = await start()
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  await runFunctions(broker, {
    contracts: notes('rpc.full'),
    functions: {
      'full/ask': {
        mode: 'rpc',
        subject: 'rpc.full',
        queue: 'full',
        policy: { concurrency: 1 },
        handler: async ({ n }: Note) => {
          await gate
          return { n }
        },
      },
    },
  })
  const asked = numbers(1_010).map((n) => wire.ask('rpc.full', { n }))
  const refused = await Promise.all(asked.slice(1_001))
  for (const reply of refused) {
    assert.is(reply.headers['Nats-Service-Error-Code'], '503')
    assert.equal(reply.body, { error: { code: 503, message: 'Too busy to take it now.' } })
  }
  release()
  const taken = await Promise.all(asked.slice(0, 1_001))
  assert.equal(
    taken.map(({ body }) => (body as Note).n),
    numbers(1_001),
  )
})

test.run()
