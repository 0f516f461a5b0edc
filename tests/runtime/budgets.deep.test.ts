import type { JetStreamManager } from 'nats'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire, type Wire } from '../support/wire'

const test = suite('what is away is told before the handler’s time is over')

const ledger = { fold: () => undefined }
const uses: Record<string, (body: Note, context: Context) => unknown> = {
  'a store': ({ n }, { store }) => store<number>('numbers').update('last', () => n),
  'a ledger': ({ n }, { ledger: open }) =>
    open<Note, number>('counts', ledger).decide(
      () => ({ n }),
      () => 0,
    ),
  'a function that lags': (_, { settled }) => settled('slow/take'),
}

/** Takes it away, and puts it back. */
const faults: Record<string, (system: System) => [() => unknown, () => unknown]> = {
  'a store': ({ jsm }) => [
    () => jsm.streams.delete('KV_numbers'),
    () => jsm.streams.add({ name: 'KV_numbers', subjects: ['$KV.numbers.>'], allow_direct: true }),
  ],
  'a ledger': ({ jsm }) => [
    () => jsm.streams.delete('LEDGER_counts'),
    () => jsm.streams.add({ name: 'LEDGER_counts', subjects: ['ledger.counts'], allow_direct: true }),
  ],
  'a function that lags': ({ wire, release }) => [() => wire.store('events.slow', { n: 1 }), release],
}

interface System {
  jsm: JetStreamManager
  wire: Wire
  release(): void
}

for (const [what, use] of Object.entries(uses)) {
  for (const policy of [{}, { ordered: true, batch: 5 }]) {
    test(`${what}: no attempt is counted, and the message is done when it is back, ${JSON.stringify(policy)}`, async () => {
      const broker = await startBroker()
      const wire = await openWire(broker)
      let release = () => {}
      const gate = new Promise<void>((resolve) => {
        release = resolve
      })
      const host = await runFunctions(broker, {
        contracts: notes('jobs.use', 'events.slow'),
        functions: {
          'slow/take': { mode: 'stream', subject: 'events.slow', handler: () => gate },
          'use/job': {
            mode: 'job',
            subject: 'jobs.use',
            queue: 'use',
            stores: ['numbers'],
            ledgers: ['counts'],
            awaits: ['slow/take'],
            // A tenth of it is left for a process that is late on a busy machine.
            policy: { timeoutMs: 2_000, maxDeliver: 1, backoffMs: 5, ...policy },
            handler: (body: Note | Note[], context: Context) => use([body].flat()[0] as Note, context),
          },
        },
      })
      const jsm = await wire.nc.jetstreamManager()
      const [takeAway, putBack] = faults[what]?.({ jsm, wire, release }) ?? []
      await takeAway?.()
      await wire.store('jobs.use', { n: 1 })
      const waits = () => host.log.filter(({ text }) => text === 'waiting for what is away').length
      await eventually('it to have waited', async () => waits() > 1 || (await wire.stored('DLQ')).length > 0)
      await putBack?.()
      await eventually('it to be done', async () => {
        const { num_pending, num_ack_pending } = await wire.durable('JOBS', 'use/job')
        return num_pending + num_ack_pending === 0
      })
      assert.equal(await wire.stored('DLQ'), [])
    })
  }
}

test('rpc: what it emits has the caller’s time, and then the slot is free', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  await runFunctions(broker, {
    contracts: notes('rpc.tell', 'events.told'),
    functions: {
      'tell/ask': {
        mode: 'rpc',
        subject: 'rpc.tell',
        queue: 'tell',
        emits: ['events.told'],
        policy: { concurrency: 1 },
        handler: (body: Note, { emit }: Context) => {
          if (body.n === 1) emit('events.told', body)
          return body
        },
      },
    },
  })
  await (await wire.nc.jetstreamManager()).streams.delete('EVENTS')
  const asked = wire.ask('rpc.tell', { n: 1 }, { 'Timeout-Ms': '500' }, 600)
  const next = wire.ask('rpc.tell', { n: 2 }, {}, 5_000)
  assert.is((await asked).headers['Nats-Service-Error-Code'], '500')
  assert.equal((await next).body, { n: 2 })
})

test('http: what it emits has the handler’s time, and then the client is told', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const host = await runFunctions(broker, {
    contracts: notes('events.told'),
    functions: {
      'tell/http': {
        mode: 'http',
        emits: ['events.told'],
        policy: { timeoutMs: 500 },
        handler: (_: Request, { emit }: Context) => {
          emit('events.told', { n: 1 })
          return new Response('told')
        },
      },
    },
  })
  await (await wire.nc.jetstreamManager()).streams.delete('EVENTS')
  const answer = await fetch(`${host.url}/`, { signal: AbortSignal.timeout(5_000) })
  assert.is(answer.status, 500)
})

test.run()
