import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { startProxy } from '../support/proxy'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('ordered batches over two instances')

const numbers = (most: number) => Array.from({ length: most }, (_, index) => index + 1)

function inOrder(note: (batch: Note[]) => Promise<void> | void, policy: object = {}) {
  return {
    contracts: notes('events.ordered'),
    functions: {
      'order/take': {
        mode: 'stream' as const,
        subject: 'events.ordered',
        policy: { ordered: true, batch: 10, ackWaitMs: 1_000, ...policy },
        handler: note,
      },
    },
  }
}

test('one batch at a time in stream order, also when the one that handled them stops', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  const workers: number[] = []
  let running = 0
  const worker = (id: number) =>
    inOrder(async (batch) => {
      assert.is(++running, 1)
      await new Promise((resolve) => setImmediate(resolve))
      handled.push(...batch.map(({ n }) => n))
      workers.push(id)
      running--
    })
  const first = await runFunctions(broker, worker(1))
  const hosts = [first, await runFunctions(broker, worker(2))]
  for (const n of numbers(95)) await wire.store('events.ordered', { n })
  await eventually('the first ones', () => handled.length === 95)
  const holder = workers[0] as number
  assert.equal([...new Set(workers)], [holder])
  await hosts[holder - 1]?.stop()
  for (const n of numbers(5)) await wire.store('events.ordered', { n: 95 + n })
  await eventually('the others', () => handled.length === 100)
  assert.equal(handled, numbers(100))
  assert.is(workers.at(-1), 3 - holder)
})

test('an instance that the broker no longer hears is followed by the other, which misses none', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const proxy = await startProxy(broker)
  const handled: number[] = []
  await runFunctions(
    { url: proxy.url },
    inOrder((batch) => void handled.push(...batch.map(({ n }) => n))),
  )
  await wire.store('events.ordered', { n: 1 })
  await eventually('the first', () => handled.length === 1)
  await runFunctions(
    broker,
    inOrder((batch) => void handled.push(...batch.map(({ n }) => n))),
  )
  void proxy.breakAfter('$KV.runtime.lease')
  for (const n of numbers(30)) await wire.store('events.ordered', { n: n + 1 })
  await eventually('the others', () => new Set(handled).size === 31)
  const once = handled.filter((n, index) => handled.indexOf(n) === index)
  assert.equal(once, numbers(31))
})

test('one that fails waits in its place, and is dead after maxDeliver; those after it come after it', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  let failures = 0
  await runFunctions(
    broker,
    inOrder(
      (batch) => {
        for (const { n } of batch) {
          if (n === 3 || (n === 7 && failures < 100)) {
            failures++
            throw new Error('not now')
          }
        }
        handled.push(...batch.map(({ n }) => n))
      },
      { maxDeliver: 3, backoffMs: [5, 10] },
    ),
  )
  for (const n of numbers(20)) await wire.store('events.ordered', { n })
  await eventually('the last', () => handled.includes(20))
  assert.equal(
    handled,
    numbers(20).filter((n) => n !== 3 && n !== 7),
  )
  const letters = await wire.stored('DLQ')
  assert.equal(
    letters.map(({ body, headers }) => [(body as Note).n, headers['Dlq-Attempts']]),
    [
      [3, '3'],
      [7, '3'],
    ],
  )
})

const firstTimes = (handled: number[]) => handled.filter((n, index) => handled.indexOf(n) === index)

for (const [what, meanwhile] of [
  ['the link breaks', async () => undefined],
  [
    'the link breaks and the broker is killed',
    async (broker: Broker) => {
      await broker.kill('SIGKILL')
      await broker.start()
    },
  ],
] as const) {
  test(`where ${what} within a batch, what was lost on the way comes before what is newer`, async () => {
    const broker = await startBroker()
    const wire = await openWire(broker)
    const proxy = await startProxy(broker)
    const handled: number[] = []
    let release = () => {}
    const linkedAgain = new Promise<void>((resolve) => {
      release = resolve
    })
    const take = inOrder(
      async (batch) => {
        await linkedAgain
        handled.push(...batch.map(({ n }) => n))
      },
      { ackWaitMs: 2_000 },
    )
    const streams = await runFunctions(broker, take)
    await streams.stop()
    for (const n of numbers(40)) await wire.store('events.ordered', { n })
    const broken = proxy.breakWithin('$JS.ACK.EVENTS.order__take.', 4)
    const host = await runFunctions({ url: proxy.url }, take)
    await broken
    await eventually('the rest of the batch to be out', async () => {
      const { num_ack_pending, ack_floor } = await wire.durable('EVENTS', 'order/take')
      return num_ack_pending + ack_floor.stream_seq >= 10
    })
    await meanwhile(broker)
    proxy.mend()
    await eventually('the link', () => host.log.some(({ text }) => text === 'connected to NATS again'))
    // The acks of what is in hand leave room at the broker, for what was lost or for what is newer.
    release()
    await eventually('the last', () => handled.includes(40))
    assert.equal(firstTimes(handled), numbers(40))
  })
}

test('what is in hand when the link breaks is kept, handled once, and keeps nobody waiting for good', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const proxy = await startProxy(broker)
  const handled: number[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const take = inOrder(
    async (batch) => {
      await held
      handled.push(...batch.map(({ n }) => n))
    },
    { ackWaitMs: 3_000 },
  )
  const streams = await runFunctions(
    broker,
    inOrder(() => undefined),
  )
  await streams.stop()
  for (const n of numbers(40)) await wire.store('events.ordered', { n })
  const broken = proxy.breakWithin('$JS.ACK.EVENTS.order__take.', 4)
  await runFunctions({ url: proxy.url }, take)
  await broken
  proxy.mend()
  await eventually('what was lost to come again while the first are in hand', async () => {
    const { num_redelivered } = await wire.durable('EVENTS', 'order/take')
    return num_redelivered >= 6
  })
  release()
  await eventually('the last', () => handled.includes(40))
  assert.equal(handled.slice(0, 5), [1, 2, 3, 4, 5])
  assert.equal(firstTimes(handled), numbers(40))
})

test('kill -9 of the broker under load: each message in its place, none missing', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const total = 300
  const handled: number[] = []
  await runFunctions(
    broker,
    inOrder(async (batch) => {
      await new Promise((resolve) => setImmediate(resolve))
      handled.push(...batch.map(({ n }) => n))
    }),
  )
  const publishAll = async () => {
    for (const n of numbers(total)) {
      const headers = { 'Nats-Msg-Id': `load:${n}` }
      await eventually(`message ${n} to be stored`, () => wire.store('events.ordered', { n }, headers).catch(() => 0))
    }
  }
  const published = publishAll()
  for (const reached of [50, 150]) {
    await eventually(`${reached} to be handled`, () => handled.length >= reached)
    await broker.kill('SIGKILL')
    await broker.start()
  }
  await published
  await eventually('the last', () => handled.includes(total))
  assert.equal(firstTimes(handled), numbers(total))
})

test('what cannot be buried since the dead letters are away waits in its place', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  const host = await runFunctions(broker, {
    ...inOrder(() => undefined),
    functions: {
      'order/take': {
        mode: 'stream',
        subject: 'events.ordered',
        policy: { ordered: true, batch: 8, ackWaitMs: 1_000, timeoutMs: 300 },
        handler: (batch: Note[], { reject }: Context) => {
          if (batch.some(({ n }) => n === 1)) reject(400, 'Never.')
          handled.push(...batch.map(({ n }) => n))
        },
      },
    },
  })
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.delete('DLQ')
  for (const n of numbers(20)) await wire.store('events.ordered', { n })
  await eventually(
    'the burial to be tried again',
    () => host.log.some(({ text }) => text.includes('dead letters') && text.includes('again')),
    40_000,
  )
  await jsm.streams.add({ name: 'DLQ', subjects: ['dlq.>'], allow_direct: true })
  await eventually('the last', () => handled.includes(20))
  assert.equal(handled, numbers(20).slice(1))
  assert.is((await wire.stored('DLQ')).length, 1)
  assert.is((await wire.durable('EVENTS', 'order/take')).num_redelivered, 0)
})

test('a stop hands back what waits in its place and all behind it, so that the next one goes on in order', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const handled: number[] = []
  let fails = true
  const worker = inOrder(
    (batch) => {
      if (fails && batch.some(({ n }) => n === 3)) throw new Error('not now')
      handled.push(...batch.map(({ n }) => n))
    },
    { backoffMs: 60_000 },
  )
  await (await runFunctions(broker, worker)).stop()
  for (const n of numbers(20)) await wire.store('events.ordered', { n })
  const first = await runFunctions(broker, worker)
  await eventually('the third to wait', () => first.log.some(({ text }) => text === 'failed: it comes again'))
  assert.is(await first.stop(), true)
  fails = false
  await runFunctions(broker, worker)
  await eventually('the last', () => handled.includes(20))
  assert.equal(handled, numbers(20))
})

test.run()
