import { type ExecaError, execa } from 'execa'
import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { manifestFolder } from '../support/manifest_folder'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a handler that kills its process')

const lastChances = 3

/** Starts the process again each time it is killed, as an operator's supervisor does; tells how often that was. */
function supervise(broker: Broker, manifest: string) {
  const options = { extendEnv: false, reject: false, env: { PATH: process.env.PATH, NATS_URL: broker.url } } as const
  let ended = false
  let child: ReturnType<typeof start>
  let kills = 0
  const start = () => execa('node', ['runtime', '--manifest', manifest], options)
  const run = async () => {
    while (!ended) {
      child = start()
      const result = (await child) as ExecaError
      if (result.signal === 'SIGKILL') kills++
    }
  }
  const over = run()
  const end = async () => {
    ended = true
    child.kill('SIGTERM')
    await over
  }
  atEnd(end)
  return { kills: () => kills, end }
}

/** Reasons and attempts of what is in the dead letters, as they come. */
function lettersOf({ nc }: Awaited<ReturnType<typeof openWire>>) {
  const letters: object[] = []
  nc.subscribe('dlq.>', {
    callback: (_, { data, headers }) => {
      const { n } = JSON.parse(Buffer.from(data).toString()) as { n: number }
      letters.push({ n, reason: headers?.get('Dlq-Reason'), attempts: headers?.get('Dlq-Attempts') })
    },
  })
  return letters
}

test('its message ends in the dead letters after maxDeliver and its last chances, and the others are handled', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const source = `export default ({ n }) => { if (n === 1) process.kill(process.pid, 'SIGKILL') }`
  const policy = { maxDeliver: 2, ackWaitMs: 1_000, concurrency: 1 }
  const manifest = await manifestFolder({
    'deadly/job': { mode: 'job', subject: 'jobs.deadly', queue: 'deadly', policy, source },
  })
  const letters = lettersOf(wire)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
  await wire.store('jobs.deadly', { n: 1 })
  await wire.store('jobs.deadly', { n: 2 })
  const supervisor = supervise(broker, manifest)
  await eventually('the dead letter', () => letters.length > 0)
  await supervisor.end()
  assert.is(supervisor.kills(), 2 + lastChances)
  assert.equal(letters, [{ n: 1, reason: 'delivered 6 times without an end', attempts: '5' }])
  const { num_ack_pending, num_pending } = await wire.durable('JOBS', 'deadly/job')
  assert.equal({ num_ack_pending, num_pending }, { num_ack_pending: 0, num_pending: 0 })
})

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
    letters.map((letter) => (letter as { n: number }).n),
    [0],
  )
  const done = (await wire.stored('EVENTS', 'events.done')).map(({ body }) => (body as { n: number }).n)
  assert.equal([...new Set(done)].toSorted(), [1, 2, 3, 4, 5])
})

test.run()
