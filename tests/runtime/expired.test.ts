import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a stream whose newest messages expired unread')

test('keeps nobody waiting for them', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const seen: number[] = []
  const system = {
    streams: { EVENTS: { subjects: ['events.*'], maxAgeMs: 1_000 } },
    contracts: notes('events.noted', 'rpc.seen'),
  }
  const record = { mode: 'stream' as const, subject: 'events.*', handler: ({ n }: Note) => void seen.push(n) }
  const answer = {
    mode: 'rpc' as const,
    subject: 'rpc.seen',
    queue: 'seen',
    awaits: ['notes/record'],
    handler: async (_: Note, { settled }: Context) => {
      await settled('notes/record')
      return { n: seen.length }
    },
  }
  const first = await runFunctions(broker, { ...system, functions: { 'notes/record': record } })
  await wire.store('events.noted', { n: 1 })
  await eventually('the first', () => seen.length === 1)
  await first.stop()
  for (const n of [2, 3, 4]) await wire.store('events.noted', { n })
  const jsm = await wire.nc.jetstreamManager()
  await eventually('the rest to expire', async () => (await jsm.streams.info('EVENTS')).state.messages === 0)

  await runFunctions(broker, { ...system, functions: { 'notes/record': record, 'notes/seen': answer } })
  assert.equal((await wire.ask('rpc.seen', { n: 0 })).body, { n: 1 })
})

test.run()
