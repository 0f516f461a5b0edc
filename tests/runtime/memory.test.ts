import * as assert from 'uvu/assert'
import { ensureStreams } from '../../provision/streams'
import type { JetStream } from '../../runtime/nats/jetstream'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { manifestFolder } from '../support/manifest_folder'
import { type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { runTool } from '../support/tool'
import { openWire } from '../support/wire'

const test = suite('where the runtime’s own memory is gone')

const seen: Note[] = []
const functions = {
  contracts: notes('events.noted'),
  functions: {
    'note/take': { mode: 'stream' as const, subject: 'events.noted', handler: (note: Note) => void seen.push(note) },
  },
}

async function withoutMemory(alsoGone: string[]) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  await (await runFunctions(broker, functions)).stop()
  for (const name of ['KV_runtime', ...alsoGone]) await jsm.streams.delete(name)
  return { broker, jsm }
}

const made = async (jsm: Awaited<ReturnType<typeof withoutMemory>>['jsm']) =>
  (await jsm.streams.names().next()).toSorted()

for (const [what, alsoGone, told] of [
  ['alone', [], 'DLQ, KV_runtime_tries, the consumer note__take'],
  ['with the stream that a function takes from', ['EVENTS'], 'DLQ, KV_runtime_tries'],
  ['with the dead letters', ['DLQ'], 'KV_runtime_tries, the consumer note__take'],
] as const) {
  test(`${what}, nothing starts and nothing is made anew but by command`, async () => {
    const { broker, jsm } = await withoutMemory([...alsoGone])
    const left = await made(jsm)
    const refused = await runFunctions(broker, functions).catch((error) => error)
    assert.is(
      refused.message,
      `NATS_URL: KV_runtime: gone, though ${told} is there; put the server's data back, or make it anew with ` +
        'node runtime provision',
    )
    assert.equal(await made(jsm), left)
    const source = 'export default () => undefined'
    const manifest = await manifestFolder({ 'note/take': { mode: 'stream', subject: 'events.noted', source } })
    assert.is((await runTool(broker, ['provision', '--manifest', manifest])).exitCode, 0)
    await runFunctions(broker, functions)
  })
}

test('with all else, the server is as good as new, and so is one that holds streams of the manifest alone', async () => {
  const { broker, jsm } = await withoutMemory(['EVENTS', 'JOBS', 'DLQ', 'KV_runtime_tries'])
  await jsm.streams.add({ name: 'EVENTS', subjects: ['events.*'] })
  await runFunctions(broker, functions)
  assert.equal(await made(jsm), ['DLQ', 'EVENTS', 'JOBS', 'KV_runtime', 'KV_runtime_tries'])
})

test('several processes that begin on a new server at once all start', async () => {
  const broker = await startBroker()
  await Promise.all([1, 2, 3, 4].map(() => runFunctions(broker, functions)))
})

test('a stream that another process makes between look and making is nobody else’s', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  const config = { name: 'EVENTS', subjects: ['events.*'] }
  const asked = (name: string) =>
    ensureStreams(js, [{ ...config, name }])
      .then(() => 'made')
      .catch((error: Error) => error.message)
  // What a server says to the later one of two processes that make the same stream at once, some of the time.
  const js = {
    api: async (subject: string) => {
      const [verb, name = ''] = subject.split(/(?<=^STREAM\.(?:INFO|CREATE))\./)
      if (verb === 'STREAM.INFO' && !(await made(jsm)).includes(name))
        throw Object.assign(new Error(), { errCode: 10059 })
      if (verb !== 'STREAM.CREATE') return { config }
      await jsm.streams.add(config)
      throw Object.assign(new Error('subjects overlap with an existing stream'), { errCode: 10065 })
    },
  } as unknown as JetStream
  assert.is(await asked('EVENTS'), 'made')
  assert.is(await asked('OTHER'), 'NATS_URL: another stream on this server carries events.* already')
})

test.run()
