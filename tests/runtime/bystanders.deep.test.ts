import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { manifestFolder } from '../support/manifest_folder'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { burnDeliveries, lettersOf, supervise } from '../support/supervise'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('what is in flight beside a message that kills its process')

const slowly = 'await new Promise((resolve) => setTimeout(resolve, 400))'
const deadly = `await new Promise((resolve) => setTimeout(resolve, 30)); process.kill(process.pid, 'SIGKILL')`

/** A broker whose `JOBS` and durables are there, made by a process that has ended. */
async function prepared(manifest: string, durables: string[]) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
  const supervisor = supervise(broker, manifest)
  for (const name of durables) {
    await eventually(name, () =>
      wire.durable('JOBS', name).then(
        () => true,
        () => false,
      ),
    )
  }
  await supervisor.end()
  return { broker, wire, letters: lettersOf(wire) }
}

test('another function, with fewer attempts than the deadly one, is handled', async () => {
  const manifest = await manifestFolder({
    'a/fine': {
      mode: 'job',
      subject: 'jobs.a',
      queue: 'a',
      policy: { maxDeliver: 1, ackWaitMs: 1_000 },
      source: `export default async () => { ${slowly} }`,
    },
    'b/kill': {
      mode: 'job',
      subject: 'jobs.b',
      queue: 'b',
      policy: { maxDeliver: 5, ackWaitMs: 1_000 },
      source: `export default async () => { ${deadly} }`,
    },
  })
  const { broker, wire, letters } = await prepared(manifest, ['a/fine', 'b/kill'])
  await wire.store('jobs.b', { n: 1 })
  await wire.store('jobs.a', { n: 2 })
  const supervisor = supervise(broker, manifest)
  await eventually(
    'both to have ended',
    async () => {
      const info = await wire.durable('JOBS', 'a/fine')
      return info.num_pending + info.num_ack_pending === 0 && letters.some(({ of }) => of === 'b.kill')
    },
    60_000,
  )
  await supervisor.end()
  assert.equal(
    letters.map(({ of }) => of),
    ['b.kill'],
  )
})

test('another message of the same function, delivered often already, is handled', async () => {
  const manifest = await manifestFolder({
    'a/both': {
      mode: 'job',
      subject: 'jobs.a',
      queue: 'a',
      policy: { maxDeliver: 3, ackWaitMs: 1_000 },
      source: `export default async ({ n }) => { if (n === 0) { ${deadly} } ${slowly} }`,
    },
  })
  const { broker, wire, letters } = await prepared(manifest, ['a/both'])
  await wire.store('jobs.a', { n: 1 })
  await burnDeliveries(wire, 'JOBS', 'a__both', 3)
  await wire.store('jobs.a', { n: 0 })
  const supervisor = supervise(broker, manifest)
  await eventually(
    'both to have ended',
    async () => {
      const info = await wire.durable('JOBS', 'a/both')
      return info.num_pending + info.num_ack_pending === 0 && letters.length > 0
    },
    60_000,
  )
  await supervisor.end()
  assert.equal(
    letters.map(({ n }) => n),
    [0],
  )
})

/** Two functions, each with a message that has been delivered so often that its runs are noted. */
async function deliveredOften(asks: (body: Note, context: Context) => unknown, others: (n: number) => void) {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const policy = { maxDeliver: 1, ackWaitMs: 1_000, timeoutMs: 1_000 }
  const system = {
    contracts: notes('rpc.peer', 'jobs.x', 'jobs.y'),
    functions: {
      'x/x': { mode: 'job' as const, subject: 'jobs.x', queue: 'x', requests: ['rpc.peer'], policy, handler: asks },
      'y/y': {
        mode: 'job' as const,
        subject: 'jobs.y',
        queue: 'y',
        policy,
        handler: ({ n }: Note) => others(n),
      },
      'peer/answer': { mode: 'rpc' as const, subject: 'rpc.peer', queue: 'peer', handler: (body: Note) => body },
    },
  }
  const { 'peer/answer': _, ...alone } = system.functions
  await (await runFunctions(broker, { ...system, functions: alone })).stop()
  await wire.store('jobs.x', { n: 1 })
  await wire.store('jobs.y', { n: 2 })
  for (const consumer of ['x__x', 'y__y']) await burnDeliveries(wire, 'JOBS', consumer, 3)
  return { broker, wire, whole: system, alone: { ...system, functions: alone } }
}

/** As if a process had ended in the middle of its run. */
async function noteDeath(
  { nc }: Awaited<ReturnType<typeof openWire>>,
  stream: string,
  consumer: string,
  seq: number,
): Promise<void> {
  const { created } = await (await nc.jetstreamManager()).streams.info(stream)
  const bucket = await nc.jetstream().views.kv('runtime_tries', { bindOnly: true })
  const key = `${consumer}.${(created as unknown as string).replace(/\W/g, '')}.${seq}`
  await bucket.put(key, JSON.stringify({ failed: 0, begun: 1 }))
}

test('a suspect that waits for an absent peer keeps no other from its run alone', async () => {
  const seen: number[] = []
  const { broker, wire, alone } = await deliveredOften(
    async (body, { request }) => void (await request('rpc.peer', body)),
    (n) => void seen.push(n),
  )
  await noteDeath(wire, 'JOBS', 'x__x', 1)
  await noteDeath(wire, 'JOBS', 'y__y', 2)
  await runFunctions(broker, alone)
  await eventually('the other', () => seen.includes(2), 10_000)
  assert.equal(await wire.stored('DLQ'), [])
})

test('a suspect that runs alone is answered by a function of its own process', async () => {
  let answered = 0
  const { broker, wire, whole } = await deliveredOften(
    async (body, { request }) => {
      answered = (await request('rpc.peer', body)).body.n
    },
    () => undefined,
  )
  await noteDeath(wire, 'JOBS', 'x__x', 1)
  await runFunctions(broker, whole)
  await eventually('its answer', () => answered === 1, 10_000)
  await eventually('it to be done', async () => (await wire.durable('JOBS', 'x/x')).num_ack_pending === 0)
})

test.run()
