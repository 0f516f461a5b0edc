import { any } from 'superstruct'
import * as assert from 'uvu/assert'
import { message, request } from '../../runtime/types'
import { malformed, sendBare } from '../support/bare_socket'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions, type TestFunction, type TestHost } from '../support/host'
import { type Context, Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('bad input and bad handlers')

const modes = [
  ['rpc', 'rpc.given'],
  ['event', 'plain.given'],
  ['job', 'jobs.given'],
  ['stream', 'events.given'],
] as const

const taken: Record<string, number[]> = { rpc: [], event: [], job: [], stream: [] }
const nothing = () => undefined

const badHandlers: Record<string, (body: Note, context: Context) => unknown> = {
  'throws synchronously': () => {
    throw new Error('at once')
  },
  'rejects with no error': () => Promise.reject('a string'),
  'rejects with nothing': () => Promise.reject(undefined),
  'throws null': () => {
    throw null
  },
  'throws what has no text': () => {
    throw Object.create(null)
  },
  'throws an error whose message is none': () => {
    throw Object.assign(new Error('x'), { message: { code: 7 }, stack: 7 })
  },
  'throws what throws when it is looked at': () => {
    throw new Proxy(new Error('x'), {
      get() {
        throw new Error('no')
      },
    })
  },
  'never returns': () => new Promise(nothing),
  'returns what is no JSON': () => ({ n: 1n }),
  'returns a circle': () => {
    const circle: Record<string, unknown> = { n: 1 }
    circle.n = circle
    return circle
  },
}

let shared: Promise<{ broker: Broker; wire: Wire; host: TestHost }> | undefined

/** A good function of each mode, beside bad ones, in one process. */
function start() {
  shared ??= startBroker().then(async (broker) => {
    const functions: Record<string, TestFunction> = {}
    for (const [mode, subject] of modes) {
      functions[`given/${mode}`] = {
        mode,
        subject,
        queue: 'given',
        handler: (body: Note) => {
          taken[mode]?.push(body.n)
          return body
        },
      }
      for (const [index, handler] of Object.values(badHandlers).entries()) {
        functions[`bad/${mode}_${index}`] = {
          mode,
          subject: `${subject}_${index}`,
          queue: 'bad',
          policy: { timeoutMs: 50, maxDeliver: 1, concurrency: 1 },
          handler,
        }
      }
    }
    const subjects = Object.values(functions).map(({ subject = '' }) => subject)
    const loose = Object.fromEntries(
      subjects
        .filter((subject) => subject.startsWith('rpc.given_'))
        .map((subject) => [subject, request(Note, any())] as const),
    )
    const contracts = {
      ...notes(...subjects),
      ...loose,
      'events.large': message(Note),
      'rpc.large': request(Note, any()),
    }
    functions['large/reply'] = {
      mode: 'rpc',
      subject: 'rpc.large',
      queue: 'large',
      handler: () => 'x'.repeat(2 * 1024 * 1024),
    }
    const host = await runFunctions(broker, { contracts, functions })
    return { broker, wire: await openWire(broker), host }
  })
  return shared
}

const codeOf = ({ headers }: { headers: Record<string, string> }) => headers['Nats-Service-Error-Code']

let count = 100
/** Every function of this process still does its work. */
async function allWork(wire: Wire) {
  const n = ++count
  assert.equal((await wire.ask('rpc.given', { n })).body, { n })
  await wire.send('plain.given', { n })
  await wire.store('jobs.given', { n })
  await wire.store('events.given', { n })
  await eventually('the good functions', () => Object.values(taken).every((all) => all.includes(n)))
}

const bodies: [what: string, body: Uint8Array, reason: RegExp][] = [
  ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00]), /not JSON/],
  ['text', Buffer.from('hello'), /not JSON/],
  ['an empty body', new Uint8Array(), /#\/n is required/],
  ['an array', Buffer.from('[1]'), /# must be an object|#/],
  ['null', Buffer.from('null'), /#/],
  ['another shape', Buffer.from('{"n":"one"}'), /#\/n must be an integer/],
]

for (const [what, body, reason] of bodies) {
  test(`${what} is refused in each mode, and every function goes on`, async () => {
    const { wire, host } = await start()
    const reply = await wire.ask('rpc.given', body)
    assert.is(codeOf(reply), '400')
    assert.match(reply.headers['Nats-Service-Error'] ?? '', reason)
    const lines = () => host.log.filter(({ text }) => text === 'event refused').length
    const before = lines()
    await wire.send('plain.given', body)
    await eventually('the event to be refused', () => lines() === before + 1)
    for (const [subject, stream, letter] of [
      ['jobs.given', 'JOBS', 'dlq.given.job'],
      ['events.given', 'EVENTS', 'dlq.given.stream'],
    ] as const) {
      const seq = await wire.store(subject, body)
      const found = await eventually('the dead letter', async () =>
        (await wire.stored('DLQ', letter)).find(({ headers }) => headers['Dlq-Seq'] === String(seq)),
      )
      assert.match(found.headers['Dlq-Reason'] ?? '', reason)
      assert.is(found.headers['Dlq-Stream'], stream)
    }
    await allWork(wire)
  })
}

test('a nest deeper than the stack is answered with an error, and every function goes on', async () => {
  const { wire } = await start()
  const nest = Buffer.from(`${'['.repeat(50_000)}${']'.repeat(50_000)}`)
  assert.ok(codeOf(await wire.ask('rpc.given', nest)))
  await wire.send('plain.given', nest)
  await allWork(wire)
})

test('a message without headers is taken in each mode', async () => {
  const { broker, wire } = await start()
  const subjects = modes.map(([, subject]) => subject)
  await sendBare(broker, subjects.map((subject) => `PUB ${subject} 8\r\n{"n": 7}\r\n`).join(''))
  await eventually('all four', () => Object.values(taken).every((all) => all.includes(7)))
  await allWork(wire)
})

test('malformed headers are refused in each mode, and every function goes on', async () => {
  const { broker, wire, host } = await start()
  const before = host.log.filter(({ text }) => text === 'event refused').length
  await sendBare(broker, modes.map(([, subject]) => malformed(subject, '{"n": 8}')).join(''))
  await eventually(
    'the event to be refused',
    () => host.log.filter(({ text }) => text === 'event refused').length > before,
  )
  for (const mode of ['job', 'stream']) {
    const letter = await eventually('the dead letter', async () =>
      (await wire.stored('DLQ', `dlq.given.${mode}`)).find(
        ({ headers }) => headers['Dlq-Reason'] === 'The headers of the message are malformed.',
      ),
    )
    assert.equal(letter.body, { n: 8 })
    assert.is(letter.headers['Dlq-Header-Malformed'], 'true')
  }
  assert.not.ok(Object.values(taken).some((all) => all.includes(8)))
  await allWork(wire)
})

test('a caller of rpc with malformed headers hears a refusal', async () => {
  const { broker, wire } = await start()
  const replies = await wire.hear('replies.bare')
  const head = 'NATS/1.0\r\nno good: x\r\n\r\n'
  await sendBare(broker, `HPUB rpc.given replies.bare ${head.length} ${head.length + 7}\r\n${head}{"n":1}\r\n`)
  const reply = await eventually('the reply', () => replies[0])
  assert.is(codeOf(reply), '400')
})

const largest = 1024 * 1024

test('a body as large as the broker takes is refused by its shape, and its dead letter tells where it is', async () => {
  const { wire } = await start()
  const body = new Uint8Array(largest).fill(0x20)
  const reply = await wire.ask('rpc.given', body)
  assert.is(codeOf(reply), '400')
  for (const [subject, letter] of [
    ['jobs.given', 'dlq.given.job'],
    ['events.given', 'dlq.given.stream'],
  ] as const) {
    const { seq } = JSON.parse(Buffer.from((await wire.nc.request(subject, body, { timeout: 10_000 })).data).toString())
    const found = await eventually('the dead letter', async () =>
      (await wire.stored('DLQ', letter)).find(({ headers }) => headers['Dlq-Seq'] === String(seq)),
    )
    assert.is(found.headers['Dlq-Subject'], subject)
    assert.is(found.headers['Dlq-Truncated'], 'true')
  }
  await allWork(wire)
})

test('a good body of nearly a mebibyte is handled in each mode', async () => {
  const { wire } = await start()
  const body = Buffer.from(`{"n":9}${' '.repeat(largest - 1_000)}`)
  assert.equal((await wire.ask('rpc.given', body)).body, { n: 9 })
  await wire.send('plain.given', body)
  await wire.store('jobs.given', body)
  await wire.store('events.given', body)
  await eventually('all four', () => Object.values(taken).every((all) => all.includes(9)))
})

test('a reply larger than the broker takes is a fault that the caller hears', async () => {
  const { wire } = await start()
  assert.is(codeOf(await wire.ask('rpc.large', { n: 1 })), '500')
  await allWork(wire)
})

for (const [index, what] of Object.keys(badHandlers).entries()) {
  test(`a handler that ${what} hurts nobody else`, async () => {
    const { wire } = await start()
    const returned = what.startsWith('returns')
    assert.is(codeOf(await wire.ask(`rpc.given_${index}`, { n: 1 })), '500')
    await wire.send(`plain.given_${index}`, { n: 1 })
    await wire.store(`jobs.given_${index}`, { n: 1 })
    await wire.store(`events.given_${index}`, { n: 1 })
    for (const [mode, stream] of [
      ['job', 'JOBS'],
      ['stream', 'EVENTS'],
    ] as const) {
      await eventually('it to be settled', async () => {
        const info = await wire.durable(stream, `bad/${mode}_${index}`)
        return info.num_pending === 0 && info.num_ack_pending === 0
      })
      const letters = await wire.stored('DLQ', `dlq.bad.${mode}_${index}`)
      assert.is(letters.length, returned ? 0 : 1)
    }
    await allWork(wire)
  })
}

test('http: a handler that throws what has no text is answered with an error', async () => {
  const { broker } = await start()
  const host = await runFunctions(broker, {
    contracts: {},
    functions: { 'bad/http': { mode: 'http', handler: badHandlers['throws what has no text'] as never } },
  })
  const answer = await fetch(`${host.url}/`, { signal: AbortSignal.timeout(5_000) })
  assert.is(answer.status, 500)
})

test.run()
