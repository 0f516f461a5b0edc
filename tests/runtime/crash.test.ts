import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { manifestFolder } from '../support/manifest_folder'
import { atEnd, suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('a handler that kills its process')

test('its message ends in the dead letters after maxDeliver, and the others are handled', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const kill = `export default ({ n }) => { if (n === 1) process.kill(process.pid, 'SIGKILL') }`
  const policy = { maxDeliver: 2, ackWaitMs: 1_000, concurrency: 1 }
  const manifest = await manifestFolder({
    'deadly/job': { mode: 'job', subject: 'jobs.deadly', queue: 'deadly', policy, source: kill },
  })
  const options = { extendEnv: false, reject: false, env: { PATH: process.env.PATH, NATS_URL: broker.url } } as const
  let child = execa('node', ['runtime', '--manifest', manifest], options)
  const letters: Record<string, unknown>[] = []
  wire.nc.subscribe('dlq.>', {
    callback: (_, { headers }) => {
      letters.push({ reason: headers?.get('Dlq-Reason'), attempts: headers?.get('Dlq-Attempts') })
      child.kill('SIGTERM')
    },
  })
  atEnd(() => child.kill('SIGKILL'))

  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
  await wire.store('jobs.deadly', { n: 1 })
  await wire.store('jobs.deadly', { n: 2 })
  const ends: (string | number | undefined)[] = []
  while (letters.length === 0 && ends.length < 5) {
    const { signal, exitCode } = await child
    ends.push(signal ?? exitCode)
    if (letters.length === 0) child = execa('node', ['runtime', '--manifest', manifest], options)
  }
  await child
  assert.equal(ends.slice(0, 2), ['SIGKILL', 'SIGKILL'])
  assert.equal(letters, [{ reason: 'delivered 3 times without an end', attempts: '2' }])
  const { num_ack_pending, num_pending } = await wire.durable('JOBS', 'deadly/job')
  assert.equal({ num_ack_pending, num_pending }, { num_ack_pending: 0, num_pending: 0 })
})

test.run()
