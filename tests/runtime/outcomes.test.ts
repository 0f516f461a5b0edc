import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import type { TestFunction, TestHost } from '../support/host'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('what an outcome of the handler means in each mode')

const modes = ['rpc', 'event', 'job', 'stream'] as const
type Mode = (typeof modes)[number]

const rows: Record<string, (body: Note, context: Context) => unknown> = {
  returned({ n }, { emit, message }) {
    emit(outOf(message.subject), { n: n + 1 })
    emit(`plain.${message.subject}`, { n: n + 2 })
    return { n: n * 2 }
  },
  refused(_, { emit, reject, message }) {
    emit(outOf(message.subject), { n: 0 })
    reject(409, 'Not in this\nstatus.', [{ pointer: '#/n', detail: 'is odd' }])
  },
  threw(_, { emit, message }) {
    emit(outOf(message.subject), { n: 0 })
    throw new Error('secret of the inside')
  },
  slow(_, { emit, message, signal }) {
    emit(outOf(message.subject), { n: 0 })
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        aborted.push(message.subject)
        resolve({ n: 0 })
      })
    })
  },
  later({ n }, { later, attempt, message }) {
    const runs = began.filter(({ subject, body }) => subject === message.subject && body.n === n).length
    if (runs <= 4) later(30)
    ended.push({ subject: message.subject, attempt })
    return { n }
  },
  older: (_, { later }) => later(20),
  aged() {
    throw new Error('always')
  },
}

const began: { subject: string; body: Note; attempt: number; at: number }[] = []
const ended: { subject: string; attempt: number }[] = []
const aborted: string[] = []

const subjectOf = (mode: Mode, row: string) =>
  mode === 'rpc' ? `rpc.${row}` : mode === 'event' ? `plain.${row}` : mode === 'job' ? `jobs.${row}` : `events.${row}`
const outOf = (subject: string) => `events.out_${subject.replace('.', '_')}`
const runsOf = (subject: string) => began.filter((run) => run.subject === subject)

let running: Promise<{ wire: Wire; host: TestHost }> | undefined

/** One host with a function for each cell of the table. */
function start() {
  running ??= (async () => {
    const broker = await startBroker()
    const functions: Record<string, TestFunction> = {}
    for (const mode of modes) {
      for (const [row, run] of Object.entries(rows)) {
        const subject = subjectOf(mode, row)
        functions[`${mode}/${row}`] = {
          mode,
          subject,
          queue: 'any',
          emits: [outOf(subject), `plain.${subject}`],
          policy: {
            maxDeliver: 3,
            backoffMs: [40, 80],
            timeoutMs: row === 'slow' ? 60 : 5_000,
            concurrency: row === 'later' ? 1 : 8,
            ...(row === 'older' && { maxAgeMs: 150 }),
            ...(row === 'aged' && { maxAgeMs: 3_600_000 }),
          },
          handler: (body: Note, context: Context) => {
            const { message, attempt } = context
            began.push({ subject: message.subject, body, attempt, at: Date.now() })
            return run(body, context)
          },
        }
      }
    }
    const subjects = Object.values(functions).flatMap(({ subject = '', emits = [] }) => [subject, ...emits])
    const host = await runFunctions(broker, { contracts: notes(...subjects), functions })
    return { wire: await openWire(broker), host }
  })()
  return running
}

const emittedTo = (wire: Wire, subject: string) => wire.stored('EVENTS', outOf(subject))
const buried = (wire: Wire, name: string) => wire.stored('DLQ', `dlq.${name.replace('/', '.')}`)
const settledAll = (wire: Wire, mode: 'job' | 'stream', row: string) =>
  eventually(`${mode}/${row} to have settled everything`, async () => {
    const info = await wire.durable(mode === 'job' ? 'JOBS' : 'EVENTS', `${mode}/${row}`)
    return info.num_ack_pending === 0 && info.num_pending === 0
  })

test('rpc, returned: what it emitted is stored by the time that the reply arrives', async () => {
  const { wire } = await start()
  const plain = await wire.hear('plain.rpc.returned')
  const reply = await wire.ask('rpc.returned', { n: 4 })
  assert.equal(reply.body, { n: 8 })
  assert.equal(reply.headers, {})
  assert.equal(
    (await emittedTo(wire, 'rpc.returned')).map(({ body }) => body),
    [{ n: 5 }],
  )
  await eventually('the subject that no stream carries', () => plain.length === 1)
})

test('rpc, refused: an error reply with its code, its fields and nothing emitted', async () => {
  const { wire } = await start()
  const reply = await wire.ask('rpc.refused', { n: 1 })
  assert.is(reply.headers['Nats-Service-Error-Code'], '409')
  assert.is(reply.headers['Nats-Service-Error'], 'Not in this status.')
  assert.equal(reply.body, {
    error: { code: 409, message: 'Not in this\nstatus.', errors: [{ pointer: '#/n', detail: 'is odd' }] },
  })
  assert.equal(await emittedTo(wire, 'rpc.refused'), [])
})

for (const row of ['threw', 'slow', 'later']) {
  test(`rpc, ${row}: an error reply 500 that tells nothing of the inside`, async () => {
    const { wire } = await start()
    const reply = await wire.ask(`rpc.${row}`, { n: 1 })
    assert.is(reply.headers['Nats-Service-Error-Code'], '500')
    assert.equal(reply.body, { error: { code: 500, message: 'The service failed.' } })
    assert.not.match(JSON.stringify(reply), 'secret')
    assert.equal(await emittedTo(wire, `rpc.${row}`), [])
  })
}

test('event, returned: what it emitted is published', async () => {
  const { wire } = await start()
  const plain = await wire.hear('plain.plain.returned')
  await wire.send('plain.returned', { n: 4 })
  await eventually('the emitted event', () => plain.length === 1)
  await eventually('the stored one', async () => (await emittedTo(wire, 'plain.returned')).length === 1)
})

for (const [row, text] of [
  ['refused', 'event refused'],
  ['threw', 'event lost: its handler failed'],
  ['slow', 'event lost: its handler failed'],
] as const) {
  test(`event, ${row}: a log line, and it does not come again`, async () => {
    const { wire, host } = await start()
    await wire.send(`plain.${row}`, { n: 1 })
    await eventually('the log line', () =>
      host.log.some((line) => line.text === text && line.fields.function === `event/${row}`),
    )
    await wire.send(`plain.${row}`, { n: 2 })
    await eventually('the next one', () => runsOf(`plain.${row}`).some(({ body }) => body.n === 2))
    assert.is(runsOf(`plain.${row}`).length, 2)
    assert.equal(await emittedTo(wire, `plain.${row}`), [])
    assert.equal(await buried(wire, `event/${row}`), [])
  })
}

test('event, later: comes again in this process, since nothing stores it', async () => {
  const { wire } = await start()
  await wire.send('plain.later', { n: 1 })
  await eventually('it to come to an end', () => ended.some(({ subject }) => subject === 'plain.later'))
  assert.is(runsOf('plain.later').length, 5)
})

for (const mode of ['job', 'stream'] as const) {
  test(`${mode}, returned: what it emitted is stored, then the message is done`, async () => {
    const { wire } = await start()
    const subject = subjectOf(mode, 'returned')
    await wire.store(subject, { n: 4 })
    await settledAll(wire, mode, 'returned')
    assert.equal(
      (await emittedTo(wire, subject)).map(({ body }) => body),
      [{ n: 5 }],
    )
    assert.is(runsOf(subject).length, 1)
    assert.equal(await buried(wire, `${mode}/returned`), [])
  })

  test(`${mode}, refused: the dead letter says why, and the message never comes again`, async () => {
    const { wire } = await start()
    const subject = subjectOf(mode, 'refused')
    const seq = await wire.store(subject, { n: 7, more: 'kept' }, { 'Nats-Msg-Id': `first ${mode}`, Foreign: 'x' })
    await settledAll(wire, mode, 'refused')
    const [letter, ...others] = await buried(wire, `${mode}/refused`)
    const { 'Dlq-Time': time = '', 'Dlq-Stack': stack = '', ...headers } = letter?.headers ?? {}
    assert.match(JSON.parse(stack), /^Error: Not in this\nstatus\.\n +at .*refused/s)
    const stream = mode === 'job' ? 'JOBS' : 'EVENTS'
    assert.equal(letter?.body, { n: 7, more: 'kept' })
    assert.equal(headers, {
      'Nats-Msg-Id': `${mode}/refused:${stream}:${seq}`,
      'Nats-Expected-Stream': 'DLQ',
      'Dlq-Reason': 'Not in this status.',
      'Dlq-Attempts': '1',
      'Dlq-Subject': subject,
      'Dlq-Stream': stream,
      'Dlq-Seq': String(seq),
      'Dlq-Header-Nats-Msg-Id': `first ${mode}`,
      'Dlq-Header-Foreign': 'x',
    })
    assert.is(new Date(time).toISOString(), time)
    assert.equal(others, [])
    assert.is(runsOf(subject).length, 1)
    assert.equal(await emittedTo(wire, subject), [])
  })

  for (const [row, reason] of [
    ['threw', 'secret of the inside'],
    ['slow', 'the handler did not end within 60 ms'],
  ] as const) {
    test(`${mode}, ${row}: tried again after a growing pause, and a dead letter after maxDeliver`, async () => {
      const { wire } = await start()
      const subject = subjectOf(mode, row)
      const seq = await wire.store(subject, { n: 1 })
      const letters = await eventually('the dead letter', async () => {
        const found = await buried(wire, `${mode}/${row}`)
        return found.length > 0 ? found : undefined
      })
      await settledAll(wire, mode, row)
      const runs = runsOf(subject)
      assert.equal(
        runs.map(({ attempt }) => attempt),
        [1, 2, 3],
      )
      const [first = 0, second = 0, third = 0] = runs.map(({ at }) => at)
      assert.ok(second - first >= 40, `the first pause lasted ${second - first} ms`)
      assert.ok(third - second >= 80, `the second pause lasted ${third - second} ms`)
      assert.is(letters.length, 1)
      assert.is(letters[0]?.headers['Dlq-Reason'], reason)
      assert.is(letters[0]?.headers['Dlq-Attempts'], '3')
      assert.is(letters[0]?.headers['Dlq-Seq'], String(seq))
      assert.equal(await emittedTo(wire, subject), [])
      if (row === 'slow') assert.is(aborted.filter((one) => one === subject).length, 3)
    })
  }

  test(`${mode}, threw where maxAgeMs bounds it: its failures are counted, not its deliveries`, async () => {
    const { wire } = await start()
    const subject = subjectOf(mode, 'aged')
    await wire.store(subject, { n: 1 })
    const [letter] = await eventually('the dead letter', async () => {
      const found = await buried(wire, `${mode}/aged`)
      return found.length > 0 ? found : undefined
    })
    await settledAll(wire, mode, 'aged')
    assert.is(letter?.headers['Dlq-Attempts'], '3')
    assert.is(runsOf(subject).length, 3)
  })

  test(`${mode}, later: comes again after the pause, frees its slot and is no failure`, async () => {
    const { wire } = await start()
    const subject = subjectOf(mode, 'later')
    await wire.store(subject, { n: 1 })
    await wire.store(subject, { n: 2 })
    await settledAll(wire, mode, 'later')
    const runs = runsOf(subject)
    assert.equal(runs.map(({ body }) => body.n).toSorted(), [1, 1, 1, 1, 1, 2, 2, 2, 2, 2])
    assert.equal(new Set(runs.slice(0, 2).map(({ body }) => body.n)), new Set([1, 2]))
    const ofOne = runs.filter(({ body }) => body.n === 1)
    assert.equal(
      ofOne.map(({ attempt }) => attempt),
      [1, 2, 3, 4, 5],
    )
    const one = ofOne.map(({ at }) => at)
    for (const [index, at] of one.slice(1).entries()) {
      assert.ok(at - (one[index] as number) >= 30, `came back after ${at - (one[index] as number)} ms`)
    }
    assert.equal(await buried(wire, `${mode}/later`), [])
  })

  test(`${mode}, later for ever: a dead letter once the message is older than maxAgeMs, whatever maxDeliver`, async () => {
    const { wire } = await start()
    const subject = subjectOf(mode, 'older')
    await wire.store(subject, { n: 1 })
    const [letter] = await eventually('the dead letter', async () => {
      const found = await buried(wire, `${mode}/older`)
      return found.length > 0 ? found : undefined
    })
    await settledAll(wire, mode, 'older')
    assert.match(letter?.headers['Dlq-Reason'] ?? '', /^came later until it was older than 150 ms$|without an end$/)
    assert.ok(runsOf(subject).length > 3, `it ran ${runsOf(subject).length} times`)
  })
}

test.run()
