import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions, type TestFunction } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('what counts as an attempt')

/** A job function, run as often as the test wants. */
async function start(fn: Omit<TestFunction, 'mode' | 'subject' | 'queue'>) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const job: TestFunction = { mode: 'job', subject: 'jobs.try', queue: 'try', ...fn }
  const run = () => runFunctions(broker, { contracts: notes('jobs.try', 'rpc.peer'), functions: { 'try/job': job } })
  return { broker, wire, run }
}

const done = async (wire: Wire) => {
  const { num_pending, num_ack_pending } = await wire.durable('JOBS', 'try/job')
  return num_pending + num_ack_pending === 0
}

const lettersOf = async (wire: Wire) =>
  (await wire.stored('DLQ')).map(({ headers }) => ({
    reason: headers['Dlq-Reason'],
    attempts: headers['Dlq-Attempts'],
  }))

test('no graceful stop while a peer is away, however many there are', async () => {
  let runs = 0
  const { wire, run } = await start({
    requests: ['rpc.peer'],
    policy: { maxDeliver: 1, timeoutMs: 200 },
    handler: async (body: Note, { request }: Context) => {
      runs++
      await request('rpc.peer', body)
    },
  })
  const first = await run()
  await wire.store('jobs.try', { n: 1 })
  await eventually('a run', () => runs > 0)
  await first.stop()
  for (let restart = 0; restart < 8; restart++) {
    const before = runs
    const host = await run()
    await eventually('a run', async () => runs > before || (await lettersOf(wire)).length > 0)
    await host.stop()
  }
  assert.equal(await lettersOf(wire), [])
  wire.nc.subscribe('rpc.peer', { callback: (_, message) => void message.respond(message.data) })
  await wire.nc.flush()
  await run()
  await eventually('it to be done', () => done(wire))
  assert.equal(await lettersOf(wire), [])
})

test('nothing that ended in later, over restarts and instances', async () => {
  const attempts: number[] = []
  const { wire, run } = await start({
    policy: { maxDeliver: 2 },
    handler: (_: Note, { later, attempt }: Context) => {
      attempts.push(attempt)
      if (attempts.length < 30) later(5)
    },
  })
  const first = await run()
  await wire.store('jobs.try', { n: 1 })
  await eventually('some runs', () => attempts.length > 5)
  await first.stop()
  await Promise.all([run(), run()])
  await eventually('it to be done', () => done(wire))
  assert.equal(await lettersOf(wire), [])
  assert.is(attempts.length, 30)
  // What the function is told is the broker's count, and nothing else.
  assert.ok((attempts.at(-1) as number) >= 30, attempts.join())
})

for (const policy of [{}, { maxAgeMs: 3_600_000 }]) {
  test(`each failure, over restarts and instances, ${JSON.stringify(policy)}`, async () => {
    let runs = 0
    const { wire, run } = await start({
      policy: { maxDeliver: 4, backoffMs: 20, ...policy },
      handler: (_: Note, { later }: Context) => {
        if (++runs % 2) later(5)
        throw new Error(`failed in run ${runs}`)
      },
    })
    const first = await run()
    await wire.store('jobs.try', { n: 1 })
    await eventually('two failures', () => runs >= 4)
    await first.stop()
    await Promise.all([run(), run()])
    await eventually('the dead letter', async () => (await lettersOf(wire)).length > 0)
    assert.equal(await lettersOf(wire), [{ reason: 'failed in run 8', attempts: '4' }])
    assert.is(runs, 8)
  })
}

for (const ms of [undefined, Number.NaN, -1, Number.POSITIVE_INFINITY, '5']) {
  test(`later(${String(ms)}) is a failure that says what later takes`, async () => {
    const { wire, run } = await start({
      policy: { maxDeliver: 1 },
      handler: (_: Note, { later }: Context) => later(ms as number),
    })
    await run()
    await wire.store('jobs.try', { n: 1 })
    await eventually('the dead letter', async () => (await lettersOf(wire)).length > 0)
    assert.equal(await lettersOf(wire), [
      { reason: `later takes a finite number of milliseconds from 0 on, not ${String(ms)}`, attempts: '1' },
    ])
  })
}

test('later longer than a timer or the broker can count is put off all the same', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const runs: Record<string, number> = {}
  const handler = (_: Note, { later, message }: Context) => {
    runs[message.subject] = (runs[message.subject] ?? 0) + 1
    later(message.subject === 'jobs.far' ? 1e300 : 30 * 24 * 3_600_000)
  }
  await runFunctions(broker, {
    contracts: notes('plain.far', 'jobs.far', 'plain.after'),
    functions: {
      'far/event': { mode: 'event', subject: 'plain.far', handler },
      'far/job': { mode: 'job', subject: 'jobs.far', queue: 'far', handler },
    },
  })
  await wire.send('plain.far', { n: 1 })
  await wire.store('jobs.far', { n: 1 })
  await eventually('both to have run', () => runs['plain.far'] && runs['jobs.far'])
  const until = Date.now() + 300
  await eventually('some time to pass', () => Date.now() > until)
  assert.equal(runs, { 'plain.far': 1, 'jobs.far': 1 })
})

/** A message that is older than `maxAgeMs` when its function first runs. */
async function late(handler: TestFunction['handler'], maxAgeMs: number) {
  const { wire, run, ...rest } = await start({ policy: { maxAgeMs, maxDeliver: 2, backoffMs: 5 }, handler })
  await (await run()).stop()
  await wire.store('jobs.try', { n: 1 })
  const until = Date.now() + maxAgeMs + 50
  await eventually('it to be old', () => Date.now() > until)
  return { wire, run, ...rest }
}

test('a message older than maxAgeMs when it is first handled may say later, for as long again', async () => {
  let runs = 0
  const { wire, run } = await late((_: Note, { later }: Context) => {
    if (++runs < 6) later(10)
  }, 1_000)
  await run()
  await eventually('it to be done', () => done(wire))
  assert.is(runs, 6)
  assert.equal(await lettersOf(wire), [])
})

test('later ends once the message is older than maxAgeMs, counted on by the next process', async () => {
  let runs = 0
  const { wire, run } = await late((_: Note, { later }: Context) => {
    runs++
    later(20)
  }, 400)
  const began = Date.now()
  const first = await run()
  await eventually('some runs', () => runs > 2)
  await first.stop()
  await run()
  await eventually('the dead letter', async () => (await lettersOf(wire)).length > 0)
  assert.match((await lettersOf(wire))[0]?.reason ?? '', /^came later until it was older than 400 ms$/)
  assert.ok(Date.now() - began > 400)
})

test('ten thousand postponed messages keep no other from being handled', async () => {
  let put = 0
  const seen: number[] = []
  const { wire, run } = await start({
    handler: ({ n }: Note, { later }: Context) => {
      if (n > 0) {
        put++
        later(600_000)
      }
      seen.push(n)
    },
  })
  await run()
  const most = 10_100
  for (let n = 1; n <= most; n += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, more) => wire.store('jobs.try', { n: n + more })))
  }
  await eventually('all to be put off', () => put >= 10_000)
  await wire.store('jobs.try', { n: 0 })
  await eventually('the next one', () => seen.includes(0))
})

test('an alarm is in the log before postponed messages fill what the broker holds for the function', async () => {
  const { wire, run } = await start({ handler: (_: Note, { later }: Context) => later(600_000) })
  const host = await run()
  const jsm = await wire.nc.jetstreamManager()
  await jsm.consumers.update('JOBS', 'try__job', { max_ack_pending: 10 })
  for (let n = 0; n < 9; n++) await wire.store('jobs.try', { n })
  const line = await eventually('the alarm', () =>
    host.log.find(({ text }) => text.startsWith('nearly as many messages wait')),
  )
  assert.equal([line.level, line.fields.unacked, line.fields.most], ['error', 9, 10])
})

test.run()
