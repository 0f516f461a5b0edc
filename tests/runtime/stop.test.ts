import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions, type TestFunction } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('a graceful stop')

let shared: Promise<{ broker: Broker; wire: Wire }> | undefined
const start = () => {
  shared ??= startBroker().then(async (broker) => ({ broker, wire: await openWire(broker) }))
  return shared
}

/** A function that is held inside its handler until the test lets it go on. */
function held(fn: Omit<TestFunction, 'handler'>, then: (context: Context) => unknown = () => undefined) {
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const began: number[] = []
  const ended: number[] = []
  const handler = async ({ n }: Note, context: Context) => {
    began.push(n)
    await gate
    await then(context)
    ended.push(n)
    return { n }
  }
  return { fn: { ...fn, handler }, began, ended, release }
}

const host = (broker: Broker, name: string, fn: TestFunction, env: Record<string, string> = {}) =>
  runFunctions(broker, {
    contracts: notes(fn.subject as string, 'events.told', 'rpc.peer'),
    functions: { [name]: fn },
    env,
  })

test('rpc: requests under way are awaited and answered, and new ones find nobody', async () => {
  const { broker, wire } = await start()
  const { fn, began, release } = held({ mode: 'rpc', subject: 'rpc.held', queue: 'held', policy: { concurrency: 1 } })
  const { stop } = await host(broker, 'held/ask', fn)
  const replies = [1, 2, 3].map((n) => wire.ask('rpc.held', { n }))
  await eventually('the first to be under way', () => began.length === 1)
  const stopped = stop()
  await eventually('the intake to end', () =>
    wire.nc.request('rpc.held', Buffer.from('{"n":4}'), { timeout: 100 }).then(
      () => false,
      ({ code }) => code === '503',
    ),
  )
  release()
  assert.equal(
    (await Promise.all(replies)).map(({ body }) => body),
    [{ n: 1 }, { n: 2 }, { n: 3 }],
  )
  assert.is(await stopped, true)
})

test('event: those under way and those that wait are handled to the end', async () => {
  const { broker, wire } = await start()
  const { fn, began, ended, release } = held(
    { mode: 'event', subject: 'plain.held', emits: ['events.told'], policy: { concurrency: 1 } },
    ({ emit }) => emit('events.told', { n: 0 }),
  )
  const { stop } = await host(broker, 'held/event', fn)
  for (const n of [1, 2]) await wire.send('plain.held', { n })
  await eventually('the first to be under way', () => began.length === 1)
  const stopped = stop()
  release()
  assert.is(await stopped, true)
  assert.equal(ended, [1, 2])
  assert.is((await wire.stored('EVENTS', 'events.told')).length, 2)
})

for (const [mode, subject, stream] of [
  ['job', 'jobs.held', 'JOBS'],
  ['stream', 'events.held', 'EVENTS'],
] as const) {
  test(`${mode}: what is under way is acked, nothing comes again, and the rest waits for nobody`, async () => {
    const { broker, wire } = await start()
    const { fn, began, ended, release } = held({ mode, subject, queue: 'held', policy: { concurrency: 2 } })
    const { stop } = await host(broker, `held/${mode}`, fn)
    for (const n of [1, 2, 3, 4]) await wire.store(subject, { n })
    await eventually('two to be under way', () => began.length === 2)
    const stopped = stop()
    const other: { n: number; attempt: number }[] = []
    await host(broker, `held/${mode}`, {
      mode,
      subject,
      queue: 'held',
      handler: ({ n }: Note, { attempt }: Context) => void other.push({ n, attempt }),
    })
    // The other instance gets the rest while the first still works: nothing was pulled beyond the slots.
    await eventually('the rest to be handled', () => other.length === 2)
    release()
    assert.is(await stopped, true)
    assert.equal(ended, [1, 2])
    await wire.store(subject, { n: 5 })
    await eventually('one more', () => other.length === 3)
    const { num_ack_pending, num_redelivered } = await eventually('its ack', async () => {
      const info = await wire.durable(stream, `held/${mode}`)
      return info.num_ack_pending === 0 ? info : undefined
    })
    assert.equal({ num_ack_pending, num_redelivered }, { num_ack_pending: 0, num_redelivered: 0 })
    assert.equal(
      other.map(({ n, attempt }) => [n, attempt]),
      [
        [3, 1],
        [4, 1],
        [5, 1],
      ],
    )
  })
}

test('a handler that asks a function of its own process still hears it', async () => {
  const { broker, wire } = await start()
  const { fn, began, ended, release } = held(
    { mode: 'job', subject: 'jobs.asks', queue: 'asks', requests: ['rpc.peer'] },
    ({ request }) => request('rpc.peer', { n: 1 }),
  )
  const { stop } = await runFunctions(broker, {
    contracts: notes('jobs.asks', 'rpc.peer'),
    functions: {
      'asks/job': fn,
      'asks/peer': { mode: 'rpc', subject: 'rpc.peer', queue: 'peer', handler: (body: Note) => body },
    },
  })
  await wire.store('jobs.asks', { n: 1 })
  await eventually('it to be under way', () => began.length === 1)
  const stopped = stop()
  await eventually('the intake of jobs to end', async () => (await wire.durable('JOBS', 'asks/job')).num_waiting === 0)
  await wire.ask('rpc.peer', { n: 2 })
  release()
  assert.is(await stopped, true)
  assert.equal(ended, [1])
})

test('what waits for something that is away is handed back at once, to another instance', async () => {
  const { broker, wire } = await start()
  const waits = (began: number[]): TestFunction => ({
    mode: 'job',
    subject: 'jobs.waits',
    queue: 'waits',
    requests: ['rpc.peer'],
    policy: { backoffMs: [60_000, 60_000] },
    handler: async (_: Note, { attempt, request }: Context) => {
      began.push(attempt)
      await request('rpc.peer', { n: 1 })
    },
  })
  const [mine, others]: number[][] = [[], []]
  const first = await host(broker, 'waits/job', waits(mine as number[]))
  await wire.store('jobs.waits', { n: 1 })
  await eventually('it to wait', () => first.log.some(({ text }) => text === 'waiting for what is away'))
  assert.is(await first.stop(), true)
  await host(broker, 'waits/job', waits(others as number[]))
  await eventually('the other to have it', () => others?.length === 1)
  assert.equal(mine, [1])
})

for (const mode of ['rpc', 'event', 'job'] as const) {
  test(`${mode}: a handler longer than DRAIN_MS does not hold the process for ever, nor hurt it when it ends`, async () => {
    const { broker, wire } = await start()
    const subject = mode === 'event' ? 'plain.long' : mode === 'job' ? 'jobs.long' : 'rpc.long'
    const policy = { ackWaitMs: 1_000 }
    const { fn, began, ended, release } = held({ mode, subject, queue: 'long', policy })
    const { stop } = await host(broker, `long/${mode}`, fn, { DRAIN_MS: '50' })
    if (mode === 'job') await wire.store(subject, { n: 1 })
    else wire.nc.publish(subject, Buffer.from('{"n":1}'), { reply: 'replies.long' })
    await eventually('it to be under way', () => began.length === 1)
    assert.is(await stop(), false)
    release()
    await eventually('it to end all the same', () => ended.length === 1)
    if (mode !== 'job') return
    const again: number[] = []
    await host(broker, `long/${mode}`, { ...fn, handler: ({ n }: Note) => void again.push(n) })
    await eventually('it to come again', () => again.length === 1)
  })
}

test('a handler longer than DRAIN_MS costs no request that another instance could take', async () => {
  const { broker, wire } = await start()
  const { fn, began, release } = held({
    mode: 'job',
    subject: 'jobs.slow',
    queue: 'slow',
    requests: ['rpc.quick'],
    policy: { ackWaitMs: 1_000 },
  })
  const quick: TestFunction = {
    mode: 'rpc',
    subject: 'rpc.quick',
    queue: 'quick',
    handler: (body: Note) => new Promise((resolve) => setTimeout(() => resolve(body), 100)),
  }
  const contracts = notes('rpc.quick', 'jobs.slow')
  const env = { DRAIN_MS: '1200' }
  const { stop } = await runFunctions(broker, { contracts, functions: { 'quick/ask': quick, 'slow/job': fn }, env })
  await wire.store('jobs.slow', { n: 1 })
  await eventually('it to be under way', () => began.length === 1)
  await runFunctions(broker, { contracts, functions: { 'quick/ask': quick } })
  let stopped = false
  const over = stop().then((drained) => {
    stopped = true
    assert.is(drained, false)
  })
  const replies: Promise<unknown>[] = []
  while (!stopped) {
    replies.push(wire.ask('rpc.quick', { n: replies.length }, {}, 2_000))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await over
  release()
  assert.is((await Promise.allSettled(replies)).filter(({ status }) => status === 'rejected').length, 0)
})

test('a slow answer over HTTP keeps no stream function pulling, but those that it waits for', async () => {
  const { broker, wire } = await start()
  const seen: string[] = []
  const taking = (subject: string): TestFunction => ({
    mode: 'stream',
    subject,
    policy: { from: 'new' },
    handler: () => void seen.push(subject),
  })
  let begun = false
  const host = await runFunctions(broker, {
    contracts: notes('events.plain', 'events.awaited'),
    functions: {
      'plain/take': taking('events.plain'),
      'awaited/take': taking('events.awaited'),
      'slow/http': {
        mode: 'http',
        awaits: ['awaited/take'],
        handler: async (_: Request, { settled }: Context) => {
          begun = true
          await eventually(
            'the intake to end',
            async () => (await wire.durable('EVENTS', 'plain/take')).num_waiting === 0,
          )
          await wire.store('events.plain', { n: 1 })
          await wire.store('events.awaited', { n: 1 })
          await settled('awaited/take')
          return new Response('settled')
        },
      },
    },
  })
  const answer = fetch(`${host.url}/`)
  await eventually('it to be under way', () => begun)
  assert.is(await host.stop(), true)
  assert.is(await (await answer).text(), 'settled')
  assert.equal(seen, ['events.awaited'])
})

test.run()
