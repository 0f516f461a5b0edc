import { setTimeout as sleep } from 'node:timers/promises'
import { integer, object } from 'superstruct'
import * as assert from 'uvu/assert'
import { message } from '../../runtime/types'
import { startBroker } from '../support/broker'
import { runFunctions, type TestFunction } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('batches')

type Batch = (batch: Note[], context: Context & { messages: { seq: number; body: Note }[] }) => unknown

const numbers = (most: number) => Array.from({ length: most }, (_, index) => index + 1)

/** A batch function on a stream that holds the notes 1 to `most` before it starts. */
async function start(most: number, handler: Batch, policy: object = {}, more: Partial<TestFunction> = {}) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const contracts = {
    ...notes('events.noted', 'events.unnamed'),
    'events.summed': message(object({ n: integer() }), ({ n }) => `summed:${n}`),
  }
  const first = await runFunctions(broker, {
    contracts,
    functions: { 'other/take': { mode: 'stream', subject: 'events.unnamed', handler: () => undefined } },
  })
  await first.stop()
  for (const n of numbers(most)) await wire.store('events.noted', { n })
  const emits = ['events.summed', 'events.unnamed']
  const take = { mode: 'stream' as const, subject: 'events.noted', emits, ...more, handler }
  const host = await runFunctions(broker, {
    contracts,
    functions: { 'note/take': { ...take, policy: { batch: 10, ...policy } } },
  })
  const done = async () => {
    const { num_pending, num_ack_pending } = await wire.durable('EVENTS', 'note/take')
    return num_pending + num_ack_pending === 0
  }
  return { broker, wire, host, done }
}

test('the handler gets what is there, up to its size, with each message’s own sequence', async () => {
  const sizes: number[] = []
  const seen: number[] = []
  const { done } = await start(95, (batch, { messages }) => {
    sizes.push(batch.length)
    seen.push(...batch.map(({ n }) => n))
    assert.equal(
      messages.map(({ seq, body }) => [seq, body.n]),
      batch.map(({ n }) => [n, n]),
    )
  })
  await eventually('all to be done', done)
  assert.equal(
    seen.toSorted((one, other) => one - other),
    numbers(95),
  )
  assert.ok(Math.max(...sizes) === 10, sizes.join())
})

/** A function whose first batch is handled until `end`, with another lane free; `sizes` tells of each that began. */
async function held(gatherMs: number) {
  const sizes: number[] = []
  let end = () => {}
  const until = new Promise<void>((resolve) => {
    end = resolve
  })
  const handler = (batch: Note[]) => {
    sizes.push(batch.length)
    return sizes.length > 1 ? undefined : until
  }
  const { wire, done } = await start(1, handler, { gatherMs, concurrency: 2 })
  await eventually('the first to be handled', () => sizes.length > 0)
  return { sizes, wire, done, end }
}

test('while a batch is handled the next gathers for longer', async () => {
  const { sizes, wire, done, end } = await held(400)
  await wire.store('events.noted', { n: 2 })
  await sleep(600)
  await wire.store('events.noted', { n: 3 })
  end()
  await eventually('all to be done', done)
  assert.equal(sizes, [1, 2])
})

test('a batch that takes long holds up nobody', async () => {
  const { sizes, wire, done, end } = await held(50)
  await wire.store('events.noted', { n: 2 })
  await eventually('the second to be handled', () => sizes.length > 1)
  end()
  await eventually('all to be done', done)
})

test('gathers what comes within its time, and waits no longer once it is full', async () => {
  const sizes: number[] = []
  const { wire, done } = await start(
    3,
    (batch) => {
      sizes.push(batch.length)
    },
    { gatherMs: 2_000, batch: 5, concurrency: 1 },
  )
  for (const n of [4, 5, 6]) await wire.store('events.noted', { n })
  await eventually('the full one to be handled', () => sizes.length > 0)
  assert.equal(sizes, [5])
  for (const n of [7, 8, 9, 10]) await wire.store('events.noted', { n })
  await eventually('the rest to be handled', () => sizes.length > 1)
  assert.equal(sizes, [5, 5])
  await wire.store('events.noted', { n: 11 })
  await eventually('what is not full to be handled after its time', done)
  assert.equal(sizes, [5, 5, 1])
})

test('a stop waits for nothing more to gather', async () => {
  const sizes: number[] = []
  const { wire, host } = await start(
    2,
    (batch) => {
      sizes.push(batch.length)
    },
    { gatherMs: 10_000, batch: 5 },
  )
  await eventually('both to be taken', async () => {
    const { num_ack_pending } = await wire.durable('EVENTS', 'note/take')
    return num_ack_pending === 2
  })
  assert.is(await host.stop(), true)
  assert.equal(sizes, [2])
  assert.is((await wire.durable('EVENTS', 'note/take')).num_ack_pending, 0)
})

test('concurrency counts batches, and no more is pulled than they hold', async () => {
  const open: (() => void)[] = []
  let most = 0
  const { wire, done } = await start(
    60,
    async () => {
      await new Promise<void>((resolve) => {
        open.push(resolve)
        most = Math.max(most, open.length)
      })
    },
    { concurrency: 2 },
  )
  while (!(await done())) {
    await eventually('a batch to be under way, or all to be done', async () => open.length > 0 || (await done()))
    assert.ok((await wire.durable('EVENTS', 'note/take')).num_ack_pending <= 20)
    open.shift()?.()
  }
  assert.is(most, 2)
})

test('one that is refused ends in the dead letters alone; one that breaks its contract, too', async () => {
  const handled: number[] = []
  const { wire, done } = await start(10, (batch, { reject }) => {
    if (batch.some(({ n }) => n === 5)) reject(409, 'Not five.')
    handled.push(...batch.map(({ n }) => n))
  })
  await wire.store('events.noted', { n: 'eleven' })
  await wire.store('events.noted', { n: 12 })
  await eventually('all to be done', async () => handled.includes(12) && (await done()))
  assert.equal(
    handled.toSorted((one, other) => one - other),
    [...numbers(10).filter((n) => n !== 5), 12],
  )
  const letters = await wire.stored('DLQ')
  assert.equal(
    letters.map(({ body, headers }) => [body, headers['Dlq-Reason'], headers['Dlq-Attempts']]),
    [
      [{ n: 5 }, 'Not five.', '1'],
      [{ n: 'eleven' }, '#/n must be an integer', '1'],
    ],
  )
})

test('one that fails comes again alone, and the others are done', async () => {
  const handled: number[][] = []
  let failures = 0
  const { wire, done } = await start(
    10,
    (batch) => {
      if (batch.some(({ n }) => n === 5) && ++failures < 5) throw new Error('not yet')
      handled.push(batch.map(({ n }) => n))
    },
    { backoffMs: [1, 2] },
  )
  await eventually('all to be done', done)
  assert.equal(
    handled.flat().toSorted((one, other) => one - other),
    numbers(10),
  )
  assert.equal(handled.at(-1), [5])
  assert.equal(await wire.stored('DLQ'), [])
})

test('what it emits is stored before any of its messages is done, and once however it is cut', async () => {
  let fail = true
  const { wire, done } = await start(10, (batch, { emit }) => {
    for (const { n } of batch) emit('events.summed', { n })
    if (fail) {
      fail = false
      throw new Error('after it emitted')
    }
  })
  await eventually('all to be done', done)
  const summed = (await wire.stored('EVENTS', 'events.summed')).map(({ body }) => (body as Note).n)
  assert.equal(
    summed.toSorted((one, other) => one - other),
    numbers(10),
  )
})

test('what has no id in its contract cannot be emitted by a batch', async () => {
  const { host, wire } = await start(1, (_, { emit }) => emit('events.unnamed', { n: 1 }), { maxDeliver: 1 })
  await eventually('the dead letter', async () => (await wire.stored('DLQ')).length === 1)
  assert.equal(await wire.stored('EVENTS', 'events.unnamed'), [])
  assert.ok(
    host.log.some(({ fields }) => String((fields.err as Error)?.message).startsWith('events.unnamed has no id')),
  )
})

test('a stop awaits the batch, and hands nothing back', async () => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  let begun = false
  const { wire, host } = await start(10, async () => {
    begun = true
    await gate
  })
  await eventually('it to begin', () => begun)
  const stopped = host.stop()
  release()
  assert.is(await stopped, true)
  const info = await wire.durable('EVENTS', 'note/take')
  assert.equal([info.num_ack_pending, info.num_redelivered, info.delivered.consumer_seq], [0, 0, 10])
})

for (const [backoffMs, pauses] of [
  [
    [20, 70, 30],
    [20, 70, 30, 30],
  ],
  [15, [15, 30, 60, 120]],
] as const) {
  test(`backoffMs ${JSON.stringify(backoffMs)}: pauses of at least ${pauses.join(', ')} ms between attempts`, async () => {
    const at: number[] = []
    const { done } = await start(
      1,
      () => {
        at.push(performance.now())
        if (at.length <= pauses.length) throw new Error('not yet')
      },
      { backoffMs },
    )
    await eventually('all to be done', done)
    const waited = at.slice(1).map((time, index) => time - (at[index] as number))
    assert.ok(
      pauses.every((pause, index) => (waited[index] as number) >= pause - 2),
      waited.join(),
    )
  })
}

test('every line about a message names its function, id, attempt, trace and what the manifest asks of its body', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const host = await runFunctions(broker, {
    contracts: notes('rpc.fail', 'events.refuse', 'events.fail'),
    log: { number: 'n' },
    functions: {
      'a/fail': {
        mode: 'rpc',
        subject: 'rpc.fail',
        queue: 'a',
        handler: () => {
          throw new Error('failed')
        },
      },
      'a/refuse': {
        mode: 'stream',
        subject: 'events.refuse',
        handler: (_: Note, { reject }: Context) => reject(409, 'Never.'),
      },
      'a/hear': {
        mode: 'event',
        subject: 'events.fail',
        handler: (_: Note, { log }: Context & { log: { info(fields: object, text: string): void } }) =>
          log.info({}, 'own line'),
      },
    },
  })
  const headers = { 'Nats-Msg-Id': 'some-id', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }
  await wire.ask('rpc.fail', { n: 7 }, headers)
  await wire.store('events.refuse', { n: 7 }, headers)
  await wire.send('events.fail', { n: 7 }, headers)
  for (const [name, text] of [
    ['a/fail', 'the request failed'],
    ['a/refuse', 'refused: to the dead letters'],
    ['a/hear', 'own line'],
  ] as const) {
    const line = await eventually(text, () => host.log.find((one) => one.text === text))
    const { function: by, id, attempt, trace, number } = line.fields
    assert.equal(
      { by, id, attempt, trace, number },
      { by: name, id: 'some-id', attempt: 1, trace: 'a'.repeat(32), number: '7' },
    )
  }
})

test.run()
