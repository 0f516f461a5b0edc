import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { manifestFolder } from '../support/manifest_folder'
import { suite } from '../support/suite'
import { lettersOf, supervise } from '../support/supervise'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a handler that kills its process')

/** Runs that are noted before they begin: one beside the others, and three alone. */
const notedRuns = 1 + 3

for (const [bound, policy] of [
  ['its message', {}],
  ['with maxAgeMs its message', { maxAgeMs: 30 * 24 * 3_600_000 }],
] as const) {
  test(`${bound} ends in the dead letters after maxDeliver and its last chances, and the others are handled`, async () => {
    const broker = await startBroker()
    const wire = await openWire(broker)
    const source = `export default ({ n }) => { if (n === 1) process.kill(process.pid, 'SIGKILL') }`
    const manifest = await manifestFolder({
      'deadly/job': {
        mode: 'job',
        subject: 'jobs.deadly',
        queue: 'deadly',
        policy: { maxDeliver: 2, ackWaitMs: 1_000, concurrency: 1, ...policy },
        source,
      },
    })
    const letters = lettersOf(wire)
    const jsm = await wire.nc.jetstreamManager()
    await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
    await wire.store('jobs.deadly', { n: 1 })
    await wire.store('jobs.deadly', { n: 2 })
    const supervisor = supervise(broker, manifest)
    await eventually('the dead letter', () => letters.length > 0)
    await supervisor.end()
    assert.is(supervisor.kills(), 2 + notedRuns)
    assert.equal(letters, [{ of: 'deadly.job', n: 1, reason: 'delivered 7 times without an end', attempts: '6' }])
    const { num_ack_pending, num_pending } = await wire.durable('JOBS', 'deadly/job')
    assert.equal({ num_ack_pending, num_pending }, { num_ack_pending: 0, num_pending: 0 })
  })
}

test('those in flight beside it, killed as often, are handled and not dead', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  // The others take so long that none ends while the deadly one is run beside it.
  const source = `export default async ({ n }, { emit }) => {
    if (n === 0) process.kill(process.pid, 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 300))
    emit('events.done', { n })
  }`
  const policy = { maxDeliver: 2, ackWaitMs: 1_000, concurrency: 8 }
  const manifest = await manifestFolder({
    'deadly/job': { mode: 'job', subject: 'jobs.deadly', queue: 'deadly', policy, emits: ['events.done'], source },
    'done/hear': { mode: 'event', subject: 'events.done', source: 'export default () => undefined' },
  })
  const letters = lettersOf(wire)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
  for (let n = 0; n < 6; n++) await wire.store('jobs.deadly', { n })
  const supervisor = supervise(broker, manifest)
  await eventually(
    'all to have ended',
    async () => {
      const info = await wire.durable('JOBS', 'deadly/job').catch(() => undefined)
      return letters.length > 0 && info?.num_pending === 0 && info.num_ack_pending === 0
    },
    60_000,
  )
  await supervisor.end()
  assert.equal(
    letters.map(({ n }) => n),
    [0],
  )
  const done = (await wire.stored('EVENTS', 'events.done')).map(({ body }) => (body as { n: number }).n)
  assert.equal([...new Set(done)].toSorted(), [1, 2, 3, 4, 5])
})

test.run()
