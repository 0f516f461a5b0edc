import { createHash } from 'node:crypto'
import { any } from 'superstruct'
import * as assert from 'uvu/assert'
import { message, request } from '../../runtime/types'
import { type Broker, startBroker } from '../support/broker'
import { deleteConsumer } from '../support/consumers'
import { runFunctions, type TestFunction } from '../support/host'
import { type Context, Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('what a handler sends')

let shared: Promise<{ broker: Broker; wire: Wire }> | undefined
const start = () => {
  shared ??= startBroker().then(async (broker) => ({ broker, wire: await openWire(broker) }))
  return shared
}

const contracts = {
  ...notes('events.sent', 'events.other', 'plain.sent', 'jobs.cause', 'rpc.cause', 'rpc.peer'),
  'events.named': message(Note, ({ n }) => `named:${n}`),
  'rpc.loose': request(Note, Note),
  'events.loose': message(any()),
  'plain.loose': message(any()),
}

let names = 0
/** An rpc function of its own around the test's handler, and a way to ask it. */
async function handling(
  broker: Broker,
  wire: Wire,
  handler: (body: Note, context: Context) => unknown,
  config: Partial<TestFunction> = {},
) {
  const subject = `rpc.cause_${++names}`
  const host = await runFunctions(broker, {
    contracts: { ...contracts, ...notes(subject) },
    functions: { [`cause/number_${names}`]: { mode: 'rpc', subject, queue: 'cause', ...config, handler } },
  })
  return { host, ask: (headers: Record<string, string> = {}) => wire.ask(subject, { n: 1 }, headers) }
}

const codeOf = ({ headers }: { headers: Record<string, string> }) => headers['Nats-Service-Error-Code']
const causeOf = ({ log }: { log: { fields: Record<string, unknown> }[] }) =>
  log.map(({ fields }) => (fields.err as Error | undefined)?.message).find(Boolean)
const withId = async (wire: Wire, subject: string, id: string) =>
  (await wire.stored('EVENTS', subject)).filter(({ headers }) => headers['Nats-Msg-Id'] === id)

test('emit: where one cannot be sent, no other’s failure is left unheard', async () => {
  const { broker, wire } = await start()
  const large = 'x'.repeat(1_100_000)
  const unheard: unknown[] = []
  const note = (error: unknown) => void unheard.push(error)
  process.on('unhandledRejection', note)
  try {
    const { ask } = await handling(
      broker,
      wire,
      (_, { emit }) => {
        emit('events.loose', { large })
        emit('plain.loose', { large })
        return { n: 1 }
      },
      { emits: ['events.loose', 'plain.loose'] },
    )
    assert.is(codeOf(await ask()), '500')
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(unheard, [])
  } finally {
    process.off('unhandledRejection', note)
  }
})

test('emit: nothing leaves before the handler returned, then all of it', async () => {
  const { broker, wire } = await start()
  const heard = await wire.hear('plain.sent')
  const { ask } = await handling(
    broker,
    wire,
    async ({ n }, { emit }) => {
      emit('plain.sent', { n: 1 })
      emit('plain.sent', { n: 2 })
      // What the broker had been sent before this would have been heard by now.
      await wire.send('plain.sent', { n: 0 })
      return { n }
    },
    { emits: ['plain.sent'] },
  )
  await ask()
  await eventually('all three', () => heard.length === 3)
  assert.equal(
    heard.map(({ body }) => (body as Note).n),
    [0, 1, 2],
  )
})

for (const [what, use, complaint] of [
  ['emits', ({ emit }: Context) => emit('events.other', { n: 1 }), 'uses events.other, which its config.emits'],
  ['emits', ({ publish }: Context) => publish('events.other', { n: 1 }), 'uses events.other, which its config.emits'],
  ['requests', ({ request }: Context) => request('rpc.peer', { n: 1 }), 'uses rpc.peer, which its config.requests'],
  ['stores', ({ store }: Context) => store('others').get('a'), 'uses others, which its config.stores'],
  [
    'ledgers',
    ({ ledger }: Context) => ledger('others', { fold() {} }).read(() => 1),
    'uses others, which its config.ledgers',
  ],
  ['awaits', ({ settled }: Context) => settled('other/one'), 'uses other/one, which its config.awaits'],
] as const) {
  test(`${complaint} does not list: a fault that says so`, async () => {
    const { broker, wire } = await start()
    const { host, ask } = await handling(
      broker,
      wire,
      async ({ n }, context) => {
        await use(context)
        return { n }
      },
      { emits: ['events.sent'] },
    )
    assert.is(codeOf(await ask()), '500')
    assert.is(causeOf(host), `cause/number_${names} ${complaint} does not list`)
    assert.ok(complaint.endsWith(what))
  })
}

for (const [what, use, complaint] of [
  [
    'an emitted body that breaks its contract',
    ({ emit }: Context) => emit('events.sent', { n: 'one' }),
    'events.sent breaks its contract: #/n must be an integer',
  ],
  [
    'an emitted body with a field too many',
    ({ emit }: Context) => emit('events.sent', { n: 1, more: true }),
    'events.sent breaks its contract: #/more is not a field of this message',
  ],
  [
    'a published body that breaks its contract',
    ({ publish }: Context) => publish('events.sent', {}),
    'events.sent breaks its contract: #/n is required',
  ],
  [
    'a command to where no stream listens',
    ({ publish }: Context) => publish('plain.sent', { n: 1 }),
    'plain.sent is in no stream, so it cannot be published durably',
  ],
] as const) {
  test(`${what} is a fault of the function, never a refusal`, async () => {
    const { broker, wire } = await start()
    const before = (await wire.stored('EVENTS', 'events.sent')).length
    const { host, ask } = await handling(
      broker,
      wire,
      async ({ n }, context) => {
        await use(context)
        return { n }
      },
      { emits: ['events.sent', 'plain.sent'] },
    )
    assert.is(codeOf(await ask()), '500')
    assert.is(causeOf(host), complaint)
    assert.is((await wire.stored('EVENTS', 'events.sent')).length, before)
  })
}

for (const [what, reply] of [
  ['of another shape', { n: 'one' }],
  ['with a field too many', { n: 1, more: true }],
  ['that is nothing', undefined],
  ['that no JSON holds', { n: Number.NaN }],
] as const) {
  test(`a reply ${what} is a fault of the function, never a refusal`, async () => {
    const { broker, wire } = await start()
    const { host, ask } = await handling(broker, wire, () => reply)
    assert.is(codeOf(await ask()), '500')
    assert.match(causeOf(host) ?? '', /^the reply of cause\/number_\d+ breaks its contract/)
  })
}

test('a message has the id that its contract makes of what happened', async () => {
  const { broker, wire } = await start()
  const { ask } = await handling(
    broker,
    wire,
    ({ n }, { emit }) => {
      emit('events.named', { n: 11 })
      return { n }
    },
    { emits: ['events.named'] },
  )
  await ask()
  await ask()
  assert.is((await withId(wire, 'events.named', 'named:11')).length, 1)
})

test('without one it is named for its cause, so that a repeat of the cause is a duplicate', async () => {
  const { broker, wire } = await start()
  await runFunctions(broker, {
    contracts,
    functions: {
      'cause/job': {
        mode: 'job',
        subject: 'jobs.cause',
        queue: 'cause',
        emits: ['events.sent'],
        policy: { backoffMs: [5, 10] },
        handler: (_: Note, { emit }: Context) => {
          emit('events.sent', { n: 1 })
          emit('events.sent', { n: 2 })
        },
      },
    },
  })
  const idle = () =>
    eventually('the job to be done', async () => {
      const info = await wire.durable('JOBS', 'cause/job')
      return info.num_pending === 0 && info.num_ack_pending === 0
    })
  await wire.store('jobs.cause', { n: 1 }, { 'Nats-Msg-Id': 'the-cause' })
  await idle()
  const seq = await wire.store('jobs.cause', { n: 1 })
  await idle()
  const jsm = await wire.nc.jetstreamManager()
  await deleteConsumer(jsm, 'JOBS', 'cause__job')
  await eventually('the history to be handled again', async () => {
    const info = await wire.durable('JOBS', 'cause/job').catch(() => undefined)
    return info && info.ack_floor.stream_seq === seq
  })
  const ids = (await wire.stored('EVENTS', 'events.sent')).map(({ headers }) => headers['Nats-Msg-Id'])
  const hashOf = (n: number) => createHash('sha256').update(JSON.stringify({ n })).digest('base64url').slice(0, 16)
  assert.equal(
    ids.filter((id) => id?.startsWith('cause/job:')),
    ['the-cause', `JOBS:${seq}`].flatMap((cause) => [1, 2].map((n) => `cause/job:${cause}:events.sent:${hashOf(n)}:1`)),
  )
})

test('a repeat that emits in another order sends each message once', async () => {
  const { broker, wire } = await start()
  let runs = 0
  const large = { n: 1, text: 'x'.repeat(2 * 1024 * 1024) }
  await runFunctions(broker, {
    contracts: {
      ...notes('jobs.reordered', 'events.one'),
      'events.two': message(any()),
    },
    functions: {
      'reorder/job': {
        mode: 'job',
        subject: 'jobs.reordered',
        queue: 'reorder',
        emits: ['events.one', 'events.two'],
        policy: { backoffMs: 5 },
        handler: (_: Note, { emit }: Context) => {
          const first = ++runs === 1
          if (first) emit('events.one', { n: 1 })
          emit('events.two', first ? large : { n: 2 })
          if (!first) emit('events.one', { n: 1 })
          emit('events.one', { n: 1 })
        },
      },
    },
  })
  await wire.store('jobs.reordered', { n: 1 })
  await eventually('it to be done', async () => {
    const { num_pending, num_ack_pending } = await wire.durable('JOBS', 'reorder/job')
    return runs > 1 && num_pending + num_ack_pending === 0
  })
  // What is emitted twice is two messages, in each run the same two.
  assert.is((await wire.stored('EVENTS', 'events.one')).length, 2)
  assert.is((await wire.stored('EVENTS', 'events.two')).length, 1)
})

test('publish tells the sequence, and what was stored first where this one is a duplicate', async () => {
  const { broker, wire } = await start()
  const told: unknown[] = []
  const bodies = [{ n: 21 }, { n: 21 }]
  const sameId = { ...contracts, 'events.named': message(Note, () => 'the same') }
  await runFunctions(broker, {
    contracts: { ...sameId, ...notes('rpc.publishes') },
    functions: {
      'publish/ask': {
        mode: 'rpc',
        subject: 'rpc.publishes',
        queue: 'publish',
        emits: ['events.named'],
        handler: async ({ n }: Note, { publish }: Context) => {
          told.push(await publish('events.named', { n: 20 + n }))
          return bodies[0]
        },
      },
    },
  })
  await wire.ask('rpc.publishes', { n: 1 })
  await wire.ask('rpc.publishes', { n: 2 })
  const [stored] = await withId(wire, 'events.named', 'the same')
  assert.equal(told, [
    { seq: stored?.seq, duplicate: false, stored: { n: 21 } },
    { seq: stored?.seq, duplicate: true, stored: { n: 21 } },
  ])
})

test('the trace goes on through emit, publish and request, each time under a new parent', async () => {
  const { broker, wire } = await start()
  const plain = await wire.hear('plain.sent')
  const asked: (string | undefined)[] = []
  wire.nc.subscribe('rpc.peer', {
    callback: (_, peer) => {
      asked.push(peer.headers?.get('traceparent'))
      peer.respond(Buffer.from('{"n":1}'))
    },
  })
  const { ask } = await handling(
    broker,
    wire,
    async ({ n }, { emit, publish, request }) => {
      emit('plain.sent', { n: 1 })
      await publish('events.named', { n: 31 })
      await request('rpc.peer', { n: 1 })
      return { n }
    },
    { emits: ['plain.sent', 'events.named'], requests: ['rpc.peer'] },
  )
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const caller = `00-${trace}-00f067aa0ba902b7-01`
  await ask({ traceparent: caller })
  await eventually('the emitted one', () => plain.length === 1)
  const [published] = await withId(wire, 'events.named', 'named:31')
  const found = [plain[0]?.headers.traceparent, published?.headers.traceparent, asked[0]]
  for (const one of found) {
    assert.match(one ?? '', new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
    assert.is.not(one, caller)
  }
})

test.run()
