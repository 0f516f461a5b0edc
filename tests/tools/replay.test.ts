import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { manifestFolder } from '../support/manifest_folder'
import { startProxy } from '../support/proxy'
import { recordsOf } from '../support/records'
import { openShop } from '../support/shop'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('node runtime replay')

const summing = `export default async ({ n, who }, { store, emit, reject }) => {
  if (n === 13) reject(409, 'Unlucky.')
  await store('sums').update('sum', (known = { ns: [] }) => ({ ns: [...known.ns, n] }))
  emit('events.summed', { n })
}`

/** Asks at its first message, so that a test may do something before the rest are read. */
const asking = summing
  .replace('{ n, who }, { ', '{ n, who }, { request, ')
  .replace('  await store', "  if (n === 1) await request('rpc.gate', {})\n  await store")

async function start(most: number, source = summing) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const manifest = await manifestFolder({
    'sum/add': {
      mode: 'stream',
      subject: 'events.added',
      stores: ['sums'],
      emits: ['events.summed'],
      requests: ['rpc.gate'],
      source,
    },
    'sum/gate': { mode: 'rpc', subject: 'rpc.gate', queue: 'gate', source: 'export default () => ({})' },
    'sum/ask': { mode: 'rpc', subject: 'rpc.sum', queue: 'sum', source: 'export default () => ({})' },
    'sum/pay': {
      mode: 'stream',
      subject: 'events.added',
      policy: { replay: 'never' },
      source: 'export default () => 1',
    },
    'sum/hear': { mode: 'event', subject: 'events.summed', source: 'export default () => undefined' },
  })
  await runTool(broker, ['provision', '--manifest', manifest])
  for (let n = 1; n <= most; n++) await wire.store('events.added', { n, who: `w-${n % 2}` })
  const replayOver = (link: { url: string }, ...args: string[]) =>
    runTool(link, ['replay', ...args, '--manifest', manifest])
  const replay = (...args: string[]) => replayOver(broker, ...args)
  const jsm = await wire.nc.jetstreamManager()
  const sums = async () => {
    const { data } = await jsm.streams.getMessage('KV_sums', { last_by_subj: '$KV.sums.sum' })
    return (JSON.parse(Buffer.from(data).toString()) as { ns: number[] }).ns
  }
  return { broker, wire, replay, replayOver, sums, jsm }
}

const numbers = (most: number) => Array.from({ length: most }, (_, index) => index + 1)

test('hands the function all that its stream holds, in order, and sends nothing of what it emits', async () => {
  const { wire, replay, sums, jsm } = await start(12)
  const before = await wire.durable('EVENTS', 'sum/add')
  const { exitCode, stdout, stderr } = await replay('sum/add')
  assert.equal({ exitCode, stdout, stderr }, { exitCode: 0, stdout: '12 handled, 0 refused, 0 failed', stderr: '' })
  assert.equal(await sums(), numbers(12))
  assert.is((await jsm.streams.info('EVENTS')).state.last_seq, 12)
  const after = await wire.durable('EVENTS', 'sum/add')
  assert.equal([after.delivered, after.num_pending], [before.delivered, before.num_pending])
  const durables = (await jsm.consumers.list('EVENTS').next()).map(({ name }) => name)
  assert.equal(durables.toSorted(), ['sum__add', 'sum__pay'])
})

test('a handler knows that it is a replay, and one that is for replays alone has no durable', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const source = `export default async ({ n }, { store, replaying }) => {
    await store('told').update('told', (known = { of: [] }) => ({ of: [...known.of, [n, replaying]] }))
  }`
  const both: Parameters<typeof manifestFolder>[0][string] = {
    mode: 'stream',
    subject: 'events.added',
    stores: ['told'],
    source,
  }
  const manifest = await manifestFolder({ 'a/live': both, 'a/fold': { ...both, policy: { replay: 'only' } } })
  await startApp(broker, { args: ['--manifest', manifest] })
  await wire.store('events.added', { n: 1 })
  const jsm = await wire.nc.jetstreamManager()
  const told = () => recordsOf(jsm, 'told')
  await eventually('the live one', async () => (await told()).told === '{"of":[[1,false]]}')
  await runTool(broker, ['provision', '--manifest', manifest])
  const durables = (await jsm.consumers.list('EVENTS').next()).map(({ name }) => name)
  assert.equal(durables, ['a__live'])
  for (const name of ['a/fold', 'a/live']) await runTool(broker, ['replay', name, '--manifest', manifest])
  assert.is((await told()).told, '{"of":[[1,false],[1,true],[1,true]]}')
})

test('with --emit it is sent, once however often', async () => {
  const { wire, replay } = await start(3)
  await replay('sum/add', '--emit')
  await replay('sum/add', '--emit')
  const summed = await wire.stored('EVENTS', 'events.summed')
  assert.equal(
    summed.map(({ body }) => body),
    numbers(3).map((n) => ({ n })),
  )
  assert.equal(
    summed.map(({ headers }) => [headers['Caused-By'], headers['Emitted-By']]),
    numbers(3).map((seq) => [`EVENTS:${seq}`, 'sum/add']),
  )
})

test('from a sequence, from a time, about one id', async () => {
  const { wire, replay, sums, jsm } = await start(6)
  assert.match((await replay('sum/add', '--from-seq', '5')).stdout, /^2 handled/)
  assert.equal(await sums(), [5, 6])
  const { time } = await jsm.streams.getMessage('EVENTS', { seq: 6 })
  // A time has milliseconds here and nanoseconds in the stream, so the next one is stored in a later millisecond.
  const later = time.getTime() + 2
  await eventually('that time', () => Date.now() > later)
  await wire.store('events.added', { n: 7, who: 'w-1' })
  assert.match((await replay('sum/add', '--since', new Date(later).toISOString())).stdout, /^1 handled/)
  assert.match((await replay('sum/add', '--since', '1h', '--order', 'w-1')).stdout, /^4 handled/)
  assert.match((await replay('sum/add', '--since', '2100-01-01')).stdout, /^0 handled/)
})

test('what is refused is counted, and why is told', async () => {
  const { replay } = await start(14)
  assert.equal(await replay('sum/add'), {
    exitCode: 1,
    stdout: '13 handled, 1 refused, 0 failed',
    stderr: 'EVENTS 13: refused, Unlucky.',
  })
})

/** More than are read ahead. */
const many = 300

test('goes on behind what it has read where its reader was forgotten while a message took long', async () => {
  const { wire, replay, sums, jsm } = await start(many, asking)
  wire.nc.subscribe('rpc.gate', {
    callback: async (_, message) => {
      for (const { name } of await jsm.consumers.list('EVENTS').next()) {
        if (name !== 'sum__add') await jsm.consumers.delete('EVENTS', name)
      }
      message.respond(Buffer.from('{}'))
    },
  })
  await wire.nc.flush()
  const { exitCode, stdout, stderr } = await replay('sum/add')
  assert.is(exitCode, 1, stderr)
  assert.is(stdout, `${many - 1} handled, 1 refused, 0 failed`)
  assert.equal(
    await sums(),
    numbers(many).filter((n) => n !== 13),
  )
})

test('its reader outlives a message that takes for minutes', async () => {
  const { wire, replay, jsm } = await start(1, asking)
  const thresholds: unknown[] = []
  wire.nc.subscribe('rpc.gate', {
    callback: async (_, message) => {
      const readers = (await jsm.consumers.list('EVENTS').next()).filter(({ name }) => !name.startsWith('sum__'))
      thresholds.push(...readers.map(({ config }) => config.inactive_threshold))
      message.respond(Buffer.from('{}'))
    },
  })
  await wire.nc.flush()
  await replay('sum/add')
  assert.equal(thresholds, [600e9])
})

test('keeps the order where the link breaks between two messages', async () => {
  const { broker, replayOver, sums } = await start(many)
  const proxy = await startProxy(broker)
  const broken = proxy.breakWithin('$JS.ACK.EVENTS.', 20)
  const replayed = replayOver(proxy, 'sum/add')
  await broken
  proxy.mend()
  const { stdout, stderr } = await replayed
  assert.match(stdout, new RegExp(`^${many - 1} handled, 1 refused`), stderr)
  const handled = await sums()
  assert.equal(
    handled.filter((n, index) => handled.indexOf(n) === index),
    numbers(many).filter((n) => n !== 13),
  )
})

test('what is put off for later is counted apart, and is no fault', async () => {
  const { replay } = await start(3, 'export default ({ n }, { later }) => n === 2 && later(1_000)')
  assert.equal(await replay('sum/add'), {
    exitCode: 0,
    stdout: '2 handled, 0 refused, 0 failed, 1 put off',
    stderr: '',
  })
})

test('wrong usage is one line that names what is wrong', async () => {
  const { replay } = await start(0)
  for (const [args, line] of [
    [[], /^replay: one function/],
    [['sum/subtract'], /^no function is named «sum\/subtract»; there are sum\/add, /],
    [['sum/ask'], /^FUNCTION: sum\/ask is rpc; only a stream has a history$/],
    [['sum/pay'], /^FUNCTION: sum\/pay decides or acts, and a replay would do that again; see docs\/operations\.md$/],
    [['sum/add', '--from-seq', '-1'], /--from-seq/],
    [['sum/add', '--since', 'yesterday'], /^--since: a time as .* not yesterday$/],
    [['sum/add', '--since', '1h', '--from-seq', '1'], /^replay: --from-seq or --since, not both$/],
  ] as const) {
    const { exitCode, stderr } = await replay(...args)
    assert.is(exitCode, 2, stderr)
    assert.match(stderr, line)
    assert.is(stderr.split('\n').length, 1)
  }
})

test('audit’s record, lost, is the same again', async () => {
  const shop = await openShop()
  const order = await shop.order()
  await shop.reaches(order, 'assigned')
  const history = async () => (await shop.send('GET', `/api/v1/orders/${order}/history`)).text
  const before = await history()
  const wire = await openWire(shop.broker)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.purge('KV_history')
  const { exitCode, stdout } = await runTool(shop.broker, ['replay', 'audit/record'])
  assert.is(exitCode, 0)
  assert.match(stdout, /^\d+ handled, 0 refused, 0 failed$/)
  assert.is(await history(), before)
})

test.run()
