import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { type Broker, startBroker } from '../support/broker'
import { manifestFolder } from '../support/manifest_folder'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('node runtime dlq')

const policy = { maxDeliver: 1 }
/** What `note/take` is at first, and what its repair makes of it. */
const broken = `export default (body, { reject }) => reject(409, 'Not while broken.')`
const mended = `export default ({ n }, { emit }) => emit('events.taken', { n })`
const witness = `export default () => undefined`

const functions = (source: string) => ({
  'note/take': { mode: 'stream' as const, subject: 'events.noted', policy, emits: ['events.taken'], source },
  'note/witness': { mode: 'stream' as const, subject: 'events.noted', source: witness },
  'note/taken': { mode: 'stream' as const, subject: 'events.taken', source: witness },
})

/** A broker that holds a dead letter for each of `bodies`. */
async function withLetters(bodies: unknown[]) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const app = await startApp(broker, { args: ['--manifest', await manifestFolder(functions(broken))] })
  for (const body of bodies) {
    await wire.store('events.noted', body, { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, Foreign: 'yes' })
  }
  await eventually('the dead letters', async () => (await lettersIn(wire)).length === bodies.length)
  await app.end()
  return { broker, wire, repaired: await manifestFolder(functions(mended)) }
}

const lettersIn = async (wire: Awaited<ReturnType<typeof openWire>>) => {
  const jsm = await wire.nc.jetstreamManager()
  const { state } = await jsm.streams.info('DLQ').catch(() => ({ state: { messages: 0 } }))
  return Array.from({ length: state.messages })
}

test('ls and show tell what, why and when', async () => {
  const { broker } = await withLetters([{ n: 1 }, { n: 2 }])
  const listed = await runTool(broker, ['dlq', 'ls'])
  assert.is(listed.exitCode, 0, listed.stderr)
  const [head, first, , count] = listed.stdout.split('\n')
  assert.match(head as string, /^ID +time +attempts +function +reason$/)
  assert.match(first as string, /^1 +\d{4}-\S+Z +1 +note\/take +Not while broken\.$/)
  assert.is(count, '2 dead letters')
  const asJson = (await runTool(broker, ['dlq', 'ls', '--json', '--function', 'note/take'])).stdout.split('\n')
  assert.equal(
    asJson.map((line) => JSON.parse(line).id),
    [1, 2],
  )
  const none = await runTool(broker, ['dlq', 'ls', '--function', 'note/witness'])
  assert.is(none.stdout, 'There are no dead letters.')

  const { stdout } = await runTool(broker, ['dlq', 'show', '2'])
  assert.match(stdout, /^function {2}note\/take$/m)
  assert.match(stdout, /^reason {4}Not while broken\.$/m)
  assert.match(stdout, /^message {3}events\.noted, EVENTS 2$/m)
  assert.match(stdout, new RegExp(`^trace {5}${'a'.repeat(32)}$`, 'm'))
  assert.match(stdout, /^ {2}Foreign: yes$/m)
  assert.match(stdout, /^7 bytes\n\{"n":2\}$/m)
  assert.match(stdout, /^stack\nError: Not while broken\.\n +at /m)
})

test('redrive hands it to the one function, sends what that emits, and removes the letter after', async () => {
  const { broker, wire, repaired } = await withLetters([{ n: 1 }, { n: 2 }, { n: 3 }])
  const before = (await wire.durable('EVENTS', 'note/witness')).delivered.consumer_seq
  const one = await runTool(broker, ['dlq', 'redrive', '2', '--manifest', repaired])
  assert.equal(one, { exitCode: 0, stdout: '2 note/take: handled\n1 handled, 0 stay', stderr: '' })
  assert.equal(
    (await wire.stored('EVENTS', 'events.taken')).map(({ body }) => body),
    [{ n: 2 }],
  )
  assert.is((await lettersIn(wire)).length, 2)
  const all = await runTool(broker, ['dlq', 'redrive', '--all', '--rate', '50', '--manifest', repaired])
  assert.is(all.exitCode, 0, all.stderr)
  assert.match(all.stdout, /^2 handled, 0 stay$/m)
  const taken = await wire.stored('EVENTS', 'events.taken')
  assert.equal(
    taken.map(({ body }) => body),
    [{ n: 2 }, { n: 1 }, { n: 3 }],
  )
  assert.equal(
    taken.map(({ headers }) => [headers['Caused-By'], headers['Emitted-By']]),
    [2, 1, 3].map((seq) => [`EVENTS:${seq}`, 'note/take']),
  )
  assert.is((await wire.stored('EVENTS', 'events.noted')).length, 3)
  assert.is((await wire.durable('EVENTS', 'note/witness')).delivered.consumer_seq, before)
})

test('what fails again stays, and the exit code says so', async () => {
  const { broker, wire } = await withLetters([{ n: 1 }])
  const same = await manifestFolder(functions(broken))
  const { exitCode, stdout } = await runTool(broker, ['dlq', 'redrive', '--function', 'note/take', '--manifest', same])
  assert.is(exitCode, 1)
  assert.is(stdout, '1 note/take: stays: refused, Not while broken.\n0 handled, 1 stay')
  const gone = await manifestFolder({ 'other/take': { mode: 'stream', subject: 'events.noted', source: witness } })
  const nobody = await runTool(broker, ['dlq', 'redrive', '1', '--manifest', gone])
  assert.match(nobody.stdout, /^1 note\/take: stays: the manifest has no such function$/m)
  assert.is((await lettersIn(wire)).length, 1)
})

test('a letter that is dropped while others are redriven is told, and keeps none of them from their turn', async () => {
  const { broker, wire } = await withLetters([{ n: 1 }, { n: 2 }, { n: 3 }])
  const asking = `export default async ({ n }, { emit, request }) => {
    if (n === 1) await request('rpc.gate', {})
    emit('events.taken', { n })
  }`
  const { 'note/take': take, ...others } = functions(asking)
  const repaired = await manifestFolder({
    ...others,
    'note/take': { ...take, requests: ['rpc.gate'] },
    'note/gate': { mode: 'rpc', subject: 'rpc.gate', queue: 'gate', source: witness },
  })
  wire.nc.subscribe('rpc.gate', {
    callback: async (_, message) => {
      // The one under way, too.
      await runTool(broker, ['dlq', 'drop', '1', '2'])
      message.respond(Buffer.from('{}'))
    },
  })
  await wire.nc.flush()
  assert.equal(await runTool(broker, ['dlq', 'redrive', '--all', '--manifest', repaired]), {
    exitCode: 0,
    stdout:
      '1 note/take: handled\n2 is gone: another command has handled or dropped it\n3 note/take: handled\n' +
      '2 handled, 0 stay, 1 gone',
    stderr: '',
  })
  assert.is((await lettersIn(wire)).length, 0)
})

test('a letter that is not there is told before any is redriven', async () => {
  const { broker, wire, repaired } = await withLetters([{ n: 1 }])
  const { exitCode, stderr } = await runTool(broker, ['dlq', 'redrive', '1', '9', '--manifest', repaired])
  assert.equal({ exitCode, stderr }, { exitCode: 2, stderr: 'ID: there is no dead letter 9; see node runtime dlq ls' })
  assert.is((await lettersIn(wire)).length, 1)
})

test('killed between what it emitted and the removal, the letter is there, and again makes no second event', async () => {
  const { broker, wire } = await withLetters([{ n: 1 }])
  const deadly = `export default ({ n }, { publish }) =>
    publish('events.taken', { n }).then(() => process.kill(process.pid, 'SIGKILL'))`
  const killed = await runTool(broker, ['dlq', 'redrive', '1', '--manifest', await manifestFolder(functions(deadly))])
  assert.is(killed.exitCode, undefined)
  assert.is((await wire.stored('EVENTS', 'events.taken')).length, 1)
  assert.is((await lettersIn(wire)).length, 1)
  const repaired = await manifestFolder(functions(mended))
  assert.is((await runTool(broker, ['dlq', 'redrive', '1', '--manifest', repaired])).exitCode, 0)
  assert.is((await wire.stored('EVENTS', 'events.taken')).length, 1)
  assert.is((await lettersIn(wire)).length, 0)
})

test('a letter too large to be stored twice is handed on whole', async () => {
  const { broker, wire, repaired } = await withLetters([{ n: 1, more: 'x'.repeat(1_048_000) }])
  assert.match((await runTool(broker, ['dlq', 'show', '1'])).stdout, /^10480\d\d bytes$/m)
  assert.is((await runTool(broker, ['dlq', 'redrive', '1', '--manifest', repaired])).exitCode, 0)
  assert.equal(
    (await wire.stored('EVENTS', 'events.taken')).map(({ body }) => body),
    [{ n: 1 }],
  )
})

test('drop gives one up; what is not there is a usage error that names it', async () => {
  const { broker, wire } = await withLetters([{ n: 1 }])
  const { stdout } = await runTool(broker, ['dlq', 'drop', '1'])
  assert.is(stdout, '1 dropped: note/take, Not while broken.')
  assert.is((await lettersIn(wire)).length, 0)
  for (const verb of ['show', 'drop', 'redrive']) {
    const { exitCode, stderr } = await runTool(broker, ['dlq', verb, '9'])
    assert.equal(
      { exitCode, stderr },
      { exitCode: 2, stderr: 'ID: there is no dead letter 9; see node runtime dlq ls' },
    )
  }
})

let empty: Promise<Broker> | undefined
for (const args of [[], ['show'], ['redrive'], ['redrive', '1', '--all'], ['drop'], ['look']]) {
  test(`dlq ${args.join(' ')}: a usage error`, async () => {
    empty ??= startBroker()
    const { exitCode, stderr } = await runTool(await empty, ['dlq', ...args])
    assert.is(exitCode, 2)
    assert.match(stderr, /^dlq: ls, show ID, redrive ID… .*--help$/)
  })
}

test('ls on a broker without dead letters, or without their stream, says so', async () => {
  empty ??= startBroker()
  assert.equal(await runTool(await empty, ['dlq', 'ls']), {
    exitCode: 0,
    stdout: 'There are no dead letters.',
    stderr: '',
  })
})

test.run()
