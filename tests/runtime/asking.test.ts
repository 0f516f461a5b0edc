import { connect } from 'node:net'
import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions, type TestHost } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('what a handler hears when it asks')

let shared: Promise<{ broker: Broker; wire: Wire; host: TestHost; ask: Ask }> | undefined
type Ask = (subject: string, use: (context: Context) => unknown) => Promise<void>

const peers = [
  'restarting',
  'good',
  'refusing',
  'failing',
  'busy',
  'silent',
  'absent',
  'text',
  'shape',
  'garbage',
  'empty',
  'odd',
]

/** A function that runs what the test wants to ask, inside a handler. */
function start() {
  shared ??= startBroker().then(async (broker) => {
    const wire = await openWire(broker)
    let use: (context: Context) => unknown = () => undefined
    let ended: (error: unknown) => void = () => undefined
    const host = await runFunctions(broker, {
      contracts: notes('rpc.asker', ...peers.map((peer) => `rpc.${peer}`)),
      functions: {
        'asker/ask': {
          mode: 'rpc',
          subject: 'rpc.asker',
          queue: 'asker',
          requests: peers.map((peer) => `rpc.${peer}`),
          handler: async ({ n }: Note, context: Context) => {
            try {
              await use(context)
              ended(undefined)
            } catch (error) {
              ended(error)
            }
            return { n }
          },
        },
      },
    })
    const ask: Ask = async (_, inside) => {
      const error = new Promise((resolve) => {
        ended = resolve
      })
      use = inside
      await wire.ask('rpc.asker', { n: 1 })
      const thrown = await error
      if (thrown) throw thrown
    }
    return { broker, wire, host, ask }
  })
  return shared
}

interface Told extends Error {
  code?: number
  errors?: unknown
  reason?: string
}

/** What asking a peer throws. */
async function heardFrom(peer: string, timeoutMs = 5_000): Promise<Told> {
  const { ask } = await start()
  try {
    await ask(peer, ({ request }) => request(`rpc.${peer}`, { n: 1 }, { timeoutMs }))
  } catch (error) {
    return error as Told
  }
  throw new Error(`${peer} answered`)
}

/** A peer on a bare socket, so that it can send what no client would. */
async function rawPeer(broker: Broker, subject: string, headers: string, body: string) {
  const socket = connect(broker.port, '127.0.0.1')
  atEnd(() => socket.destroy())
  let text = ''
  socket.write(`CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB ${subject} 1\r\nPING\r\n`)
  const ready = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      text += chunk
      if (text.includes('PONG')) resolve()
      const reply = /H?MSG \S+ 1 (\S+)/.exec(text)?.[1]
      if (!reply) return
      text = ''
      const head = `NATS/1.0\r\n${headers}\r\n\r\n`
      socket.write(`HPUB ${reply} ${head.length} ${head.length + body.length}\r\n${head}${body}\r\n`)
    })
  })
  await ready
}

const answering = (wire: Wire, subject: string, text: string) =>
  wire.nc.subscribe(subject, { callback: (_, message) => void message.respond(Buffer.from(text)) })

test('a reply: its body, and whether the service had done this before', async () => {
  const { broker, ask } = await start()
  const keys: [key: string | undefined, isNew: boolean][] = []
  await runFunctions(broker, {
    contracts: notes('rpc.good'),
    functions: {
      'good/peer': {
        mode: 'rpc',
        subject: 'rpc.good',
        queue: 'good',
        handler: ({ n }: Note, { idempotencyKey, isNewKey, replayed }: Context) => {
          if (keys.some(([key]) => key === idempotencyKey)) replayed()
          keys.push([idempotencyKey, isNewKey])
          return { n: n * 2 }
        },
      },
    },
  })
  await ask('good', async ({ request }) => {
    const first = await request('rpc.good', { n: 4 }, { idempotencyKey: 'k', isNewKey: true })
    const second = await request('rpc.good', { n: 4 }, { idempotencyKey: 'k' })
    assert.equal(first, { body: { n: 8 }, replayed: false })
    assert.equal(second, { body: { n: 8 }, replayed: true })
  })
  assert.equal(keys, [
    ['k', true],
    ['k', false],
  ])
})

test('a refusal keeps its code, its words and its fields', async () => {
  const { broker } = await start()
  const errors = [{ pointer: '#/n', detail: 'is odd' }]
  await runFunctions(broker, {
    contracts: notes('rpc.refusing', 'rpc.failing', 'rpc.busy'),
    functions: {
      'peer/refusing': {
        mode: 'rpc',
        subject: 'rpc.refusing',
        queue: 'peer',
        handler: (_: Note, { reject }: Context) => reject(422, 'Not twice.', errors),
      },
      'peer/failing': {
        mode: 'rpc',
        subject: 'rpc.failing',
        queue: 'peer',
        handler: () => Promise.reject(new Error('secret')),
      },
      'peer/busy': {
        mode: 'rpc',
        subject: 'rpc.busy',
        queue: 'peer',
        handler: (_: Note, { reject }: Context) => reject(503, 'Come back.'),
      },
    },
  })
  const { code, message, errors: told } = await heardFrom('refusing')
  assert.equal({ code, message, errors: told }, { code: 422, message: 'Not twice.', errors })
})

test('a fault of the peer is a fault and no refusal', async () => {
  const { code, message, reason } = await heardFrom('failing')
  assert.equal(
    { code, message, reason },
    { code: 500, message: 'rpc.failing failed: The service failed.', reason: undefined },
  )
})

test('a peer that is too busy is away, with its code', async () => {
  const { code, message, reason } = await heardFrom('busy')
  assert.equal({ code, message, reason }, { code: 503, message: 'Come back.', reason: 'unavailable' })
})

test('a peer that starts within moments is heard, as in a rolling restart', async () => {
  const { broker, ask } = await start()
  let reply: unknown
  const asked = ask('restarting', async ({ request }) => {
    reply = await request('rpc.restarting', { n: 1 })
  })
  await runFunctions(broker, {
    contracts: notes('rpc.restarting'),
    functions: {
      'peer/restarting': {
        mode: 'rpc',
        subject: 'rpc.restarting',
        queue: 'peer',
        handler: ({ n }: Note) => ({ n: n + 1 }),
      },
    },
  })
  await asked
  assert.equal((reply as { body: Note }).body, { n: 2 })
})

test('a peer that is not running is away after a moment', async () => {
  const { reason } = await heardFrom('absent', 20_000)
  assert.is(reason, 'no-responders')
})

test('a peer that is silent is away when the time is over', async () => {
  const { wire } = await start()
  const times = await wire.hear('rpc.silent')
  const { reason } = await heardFrom('silent', 100)
  assert.is(reason, 'timeout')
  assert.is(times[0]?.headers['Timeout-Ms'], '100')
})

for (const [peer, text, complaint] of [
  ['text', 'hello', 'the reply on rpc.text cannot be read'],
  ['shape', '{"n":"one"}', 'the reply on rpc.shape breaks its contract: #/n must be an integer'],
  ['empty', '', 'the reply on rpc.empty breaks its contract: #/n is required'],
] as const) {
  test(`a reply that is ${text || 'nothing at all'} is a fault`, async () => {
    const { wire } = await start()
    answering(wire, `rpc.${peer}`, text)
    const { message, reason } = await heardFrom(peer)
    assert.equal({ message, reason }, { message: complaint, reason: undefined })
  })
}

test('a reply with malformed headers is a fault, and the next reply is heard', async () => {
  const { broker, ask } = await start()
  await rawPeer(broker, 'rpc.garbage', 'no good: x', '{"n":1}')
  const { message } = await heardFrom('garbage')
  assert.is(message, 'the reply on rpc.garbage cannot be read')
  await ask('good', async ({ request }) => {
    assert.equal((await request('rpc.good', { n: 1 })).body, { n: 2 })
  })
})

test('an error reply whose body tells nothing is judged by its headers', async () => {
  const { broker } = await start()
  await rawPeer(broker, 'rpc.odd', 'Nats-Service-Error-Code: 404\r\nNats-Service-Error: gone', 'null')
  const { code, message } = await heardFrom('odd')
  assert.equal({ code, message }, { code: 404, message: 'gone' })
})

test('settled waits for what the stream held at the call, and for nothing that came later', async () => {
  const { broker, wire } = await start()
  const open = new Map<number, () => void>()
  await runFunctions(broker, {
    contracts: notes('events.read', 'rpc.settle'),
    functions: {
      'slow/reader': {
        mode: 'stream',
        subject: 'events.read',
        policy: { concurrency: 1 },
        handler: ({ n }: Note) => new Promise<void>((resolve) => open.set(n, resolve)),
      },
      'settle/ask': {
        mode: 'rpc',
        subject: 'rpc.settle',
        queue: 'settle',
        awaits: ['slow/reader'],
        handler: async ({ n }: Note, { settled }: Context) => {
          await settled('slow/reader')
          return { n }
        },
      },
    },
  })
  await wire.ask('rpc.settle', { n: 1 })
  await wire.store('events.read', { n: 1 })
  await wire.store('events.read', { n: 2 })
  await eventually('the first to be under way', () => open.has(1))
  let settled = false
  const asked = await wire.hear('$JS.API.CONSUMER.INFO.EVENTS.slow__reader')
  const reply = wire.ask('rpc.settle', { n: 1 }).then((heard) => {
    settled = true
    return heard
  })
  await eventually('it to have looked', () => asked.length >= 2)
  await wire.store('events.read', { n: 3 })
  open.get(1)?.()
  await eventually('the second to be under way', () => open.has(2))
  const looks = asked.length
  await eventually('it to have looked again', () => asked.length >= looks + 2)
  assert.is(settled, false)
  open.get(2)?.()
  assert.equal((await reply).body, { n: 1 })
  await eventually('the third to be under way', () => open.has(3))
  open.get(3)?.()
})

test.run()
