import * as assert from 'uvu/assert'
import { type Contracts, message } from '../../runtime/types'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions, type TestFunction } from '../support/host'
import { type Context, Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { type Heard, openWire, type Wire } from '../support/wire'

const test = suite('what a message tells of its cause')

const contracts: Contracts = {
  ...notes('events.cause', 'events.plain', 'plain.sent', 'plain.cause', 'rpc.front', 'rpc.back'),
  'events.effect': message(Note, ({ n }) => `effect:${n}`),
  'events.command': message(Note, ({ n }) => `command:${n}`),
}

let shared: Promise<{ broker: Broker; wire: Wire }> | undefined
const start = () => {
  shared ??= startBroker().then(async (broker) => ({ broker, wire: await openWire(broker) }))
  return shared
}

/** Its functions run on a broker of their own, so that no test handles what another stored. */
async function alone(functions: Record<string, TestFunction>) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const host = await runFunctions(broker, { contracts, functions })
  return { broker, wire, host }
}

const passOn: TestFunction = {
  mode: 'stream',
  subject: 'events.cause',
  emits: ['events.effect', 'plain.sent'],
  handler: ({ n }: Note, { emit }: Context) => {
    emit('events.effect', { n })
    emit('plain.sent', { n })
  },
}

const told = ({ headers }: Heard) => {
  const { 'Caused-By': id, 'Emitted-By': name, Attempt: attempt } = headers
  return { id, name, attempt }
}

const effects = (wire: Wire, count: number): Promise<Heard[]> =>
  eventually(`${count} effects`, async () => {
    const stored = await wire.stored('EVENTS', 'events.effect')
    return stored.length >= count ? stored : undefined
  })

test('what is emitted names the message by its id, the function, and no attempt for the first', async () => {
  const { wire } = await alone({ 'a/pass': passOn })
  const plain = await wire.hear('plain.sent')
  await wire.store('events.cause', { n: 1 }, { 'Nats-Msg-Id': 'cause:1' })
  const [effect] = await effects(wire, 1)
  const expected = { id: 'cause:1', name: 'a/pass', attempt: undefined }
  assert.equal(told(effect as Heard), expected)
  await eventually('what no stream carries', () => plain.length === 1)
  assert.equal(told(plain[0] as Heard), expected)
})

test('a message without an id is named for its place in the stream, and one of a stranger is handled as ever', async () => {
  const { wire } = await alone({ 'a/pass': passOn })
  const seq = await wire.store('events.cause', { n: 1 })
  const [effect] = await effects(wire, 1)
  assert.is(told(effect as Heard).id, `EVENTS:${seq}`)
})

test('an id too long for a header is cut, and stops nothing', async () => {
  const { wire } = await alone({ 'a/pass': passOn })
  await wire.store('events.cause', { n: 1 }, { 'Nats-Msg-Id': 'x'.repeat(40_000) })
  const [effect] = await effects(wire, 1)
  assert.is(told(effect as Heard).id, 'x'.repeat(500))
})

test('the attempt that sent it is told, with a body that is the same at every one', async () => {
  let runs = 0
  const { wire } = await alone({
    'a/pass': {
      ...passOn,
      policy: { backoffMs: 1 },
      handler: (body: Note, context: Context) => {
        if (++runs < 3) throw new Error('not yet')
        return passOn.handler(body, context)
      },
    },
  })
  await wire.store('events.cause', { n: 1 }, { 'Nats-Msg-Id': 'cause:1' })
  const [effect] = await effects(wire, 1)
  assert.equal(told(effect as Heard), { id: 'cause:1', name: 'a/pass', attempt: '3' })
  assert.equal(effect?.body, { n: 1 })
})

test('several messages in one batch: who sent it, and no cause, since nobody knows which', async () => {
  const { wire, host, broker } = await alone({ 'a/other': { mode: 'stream', subject: 'events.plain', handler() {} } })
  await host.stop()
  // All are there before the function first looks.
  for (let n = 0; n < 3; n++) await wire.store('events.cause', { n })
  const emits = ['events.effect']
  const handler = (all: Note[], { emit }: Context) => emit('events.effect', { n: all.length })
  await runFunctions(broker, {
    contracts,
    functions: { 'a/pass': { ...passOn, emits, policy: { batch: 10 }, handler } },
  })
  const [effect] = await effects(wire, 1)
  assert.equal(effect?.body, { n: 3 })
  assert.equal(told(effect as Heard), { id: undefined, name: 'a/pass', attempt: undefined })
})

test('each of a batch names the message that it is told to follow from, and goes on with its trace', async () => {
  const { wire, host, broker } = await alone({ 'a/other': { mode: 'stream', subject: 'events.plain', handler() {} } })
  await host.stop()
  const trace = (n: number) => `${n}`.repeat(32)
  for (let n = 1; n <= 3; n++) {
    const traceparent = `00-${trace(n)}-00f067aa0ba902b7-01`
    await wire.store('events.cause', { n }, { 'Nats-Msg-Id': `cause:${n}`, traceparent })
  }
  const emits = ['events.effect']
  const handler = (_: Note[], { emit, messages }: Context & { messages: Parameters<Context['emit']>[2][] }) => {
    for (const [index, message] of messages.entries()) emit('events.effect', { n: index + 1 }, message)
  }
  await runFunctions(broker, {
    contracts,
    functions: { 'a/pass': { ...passOn, emits, policy: { batch: 10 }, handler } },
  })
  const made = await effects(wire, 3)
  for (const effect of made) {
    const { n } = effect.body as Note
    assert.equal(told(effect), { id: `cause:${n}`, name: 'a/pass', attempt: undefined })
    assert.is(effect.headers.traceparent?.slice(3, 35), trace(n))
  }
})

test('a request carries its sender’s cause, and what it makes another emit is caused by that, or by the request', async () => {
  const { wire } = await alone({
    'a/ask': {
      mode: 'stream',
      subject: 'events.cause',
      requests: ['rpc.back'],
      handler: async ({ n }: Note, { request }: Context) => void (await request('rpc.back', { n })),
    },
    'a/back': {
      mode: 'rpc',
      subject: 'rpc.back',
      queue: 'a',
      emits: ['events.effect'],
      handler: ({ n }: Note, { emit }: Context) => {
        emit('events.effect', { n })
        return { n }
      },
    },
  })
  const asked = await wire.hear('rpc.back')
  await wire.ask('rpc.back', { n: 1 })
  await wire.store('events.cause', { n: 2 }, { 'Nats-Msg-Id': 'cause:2' })
  const [first, second] = await effects(wire, 2)
  assert.equal(asked.map(told), [
    { id: undefined, name: undefined, attempt: undefined },
    { id: 'cause:2', name: 'a/ask', attempt: undefined },
  ])
  assert.equal(told(first as Heard), { id: 'rpc.back', name: 'a/back', attempt: undefined })
  assert.equal(told(second as Heard), { id: 'cause:2', name: 'a/back', attempt: undefined })
})

test('what follows a command that was published is caused by the command', async () => {
  const { wire } = await alone({
    'a/front': {
      mode: 'rpc',
      subject: 'rpc.front',
      queue: 'a',
      emits: ['events.command', 'events.effect'],
      handler: async ({ n }: Note, { publish, emit }: Context) => {
        await publish('events.command', { n })
        emit('events.effect', { n })
        return { n }
      },
    },
  })
  await wire.ask('rpc.front', { n: 5 })
  const [effect] = await effects(wire, 1)
  const [command] = await wire.stored('EVENTS', 'events.command')
  assert.is(told(command as Heard).id, 'rpc.front')
  assert.is(told(effect as Heard).id, 'command:5')
})

const headers: [name: string, sent: Record<string, string>, cause: unknown][] = [
  ['all three', { 'Caused-By': 'x', 'Emitted-By': 'a/b', Attempt: '3' }, { id: 'x', function: 'a/b', attempt: 3 }],
  ['no attempt', { 'Caused-By': 'x', 'Emitted-By': 'a/b' }, { id: 'x', function: 'a/b', attempt: 1 }],
  ['no cause', { 'Emitted-By': 'a/b' }, { function: 'a/b', attempt: 1 }],
  ['an empty cause', { 'Caused-By': '', 'Emitted-By': 'a/b' }, { function: 'a/b', attempt: 1 }],
  ['none', {}, undefined],
  ['no sender', { 'Caused-By': 'x', Attempt: '3' }, undefined],
  ['an empty sender', { 'Caused-By': 'x', 'Emitted-By': '' }, undefined],
  ...['0', '-1', '1.5', 'many', '', '1e9', '99999999999'].map((attempt): [string, Record<string, string>, unknown] => [
    `an attempt of ${JSON.stringify(attempt)}`,
    { 'Emitted-By': 'a/b', Attempt: attempt },
    { function: 'a/b', attempt: 1 },
  ]),
]

test('a handler reads the cause of what came, whoever sent it and whatever they wrote', async () => {
  const { broker, wire } = await start()
  const read: [number, unknown][] = []
  const each: [number, unknown][] = []
  await runFunctions(broker, {
    contracts,
    functions: {
      'a/read': {
        mode: 'stream',
        subject: 'events.plain',
        policy: { ordered: true },
        handler: ({ n }: Note, { cause }: Context & { cause: unknown }) => void read.push([n, cause]),
      },
      'a/each': {
        mode: 'stream',
        subject: 'events.plain',
        policy: { ordered: true, batch: 100 },
        handler: (_: Note[], { messages }: Context & { messages: { body: Note; id: string; cause: unknown }[] }) => {
          for (const { body, id, cause } of messages) each.push([body.n, { id, cause }])
        },
      },
    },
  })
  for (const [n, [, sent]] of headers.entries())
    await wire.store('events.plain', { n }, { 'Nats-Msg-Id': `m:${n}`, ...sent })
  const seq = await wire.store('events.plain', { n: headers.length })
  await eventually('all of them', () => read.length > headers.length && each.length > headers.length)
  for (const [n, [name, , cause]] of headers.entries()) {
    assert.equal(read[n], [n, cause], name)
    assert.equal(each[n], [n, { id: `m:${n}`, cause }], name)
  }
  assert.equal(each.at(-1), [headers.length, { id: `EVENTS:${seq}`, cause: undefined }])
})

test.run()
