import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { deleteConsumer } from '../support/consumers'
import { runFunctions } from '../support/host'
import { type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a durable that is not there')

test('is put back, though it was deleted while every slot was taken and nobody asked for more', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const seen: number[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const host = await runFunctions(broker, {
    contracts: notes('jobs.full'),
    functions: {
      'full/job': {
        mode: 'job',
        subject: 'jobs.full',
        queue: 'full',
        policy: { concurrency: 1 },
        handler: ({ n }: Note) => {
          seen.push(n)
          return held
        },
      },
    },
  })
  await wire.store('jobs.full', { n: 1 })
  await eventually('its slot to be taken', () => seen.length === 1)
  await deleteConsumer(await wire.nc.jetstreamManager(), 'JOBS', 'full__job')
  await wire.store('jobs.full', { n: 2 })
  release()
  await eventually('what came after', () => seen.includes(2), 15_000)
  assert.ok(host.log.some(({ text }) => text === 'a pull was not served; the consumer is looked for'))
})

test('is put back as soon as its stream is there again, however long that takes', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  const seen: number[] = []
  const host = await runFunctions(broker, {
    contracts: notes('jobs.away'),
    functions: {
      'away/job': { mode: 'job', subject: 'jobs.away', queue: 'away', handler: ({ n }: Note) => void seen.push(n) },
    },
  })
  await wire.store('jobs.away', { n: 1 })
  await eventually('the first', () => seen.length === 1)
  const told = () => host.log.filter(({ text }) => text === 'the consumer cannot be put back').length
  for (const round of [1, 2]) {
    const before = told()
    await jsm.streams.delete('JOBS')
    await eventually('it to have tried in vain', () => told() >= before + round)
    await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
    await wire.store('jobs.away', { n: 1 + round })
    await eventually('what the new stream holds', () => seen.includes(1 + round), 15_000)
  }
})

test('makes no difference to a durable that is there and has nothing to do', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  const seen: number[] = []
  const host = await runFunctions(broker, {
    contracts: notes('jobs.idle'),
    functions: {
      'idle/job': { mode: 'job', subject: 'jobs.idle', queue: 'idle', handler: ({ n }: Note) => void seen.push(n) },
    },
  })
  let rounds = 0
  const asked = wire.nc.subscribe('$JS.API.CONSUMER.MSG.NEXT.JOBS.idle__job', { callback: () => void rounds++ })
  await eventually('it to have pulled in vain for longer than a silence may last', () => rounds >= 5)
  asked.unsubscribe()
  assert.is((await jsm.consumers.list('JOBS').next()).length, 1)
  assert.equal(
    host.log.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  )
})

test('is not looked for where a handler kept the process busy for longer than a silence may last', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const seen: number[] = []
  const host = await runFunctions(broker, {
    contracts: notes('jobs.busy'),
    functions: {
      'busy/job': {
        mode: 'job',
        subject: 'jobs.busy',
        queue: 'busy',
        handler: ({ n }: Note) => {
          seen.push(n)
          const until = performance.now() + 3_500
          while (performance.now() < until);
        },
      },
    },
  })
  for (const n of [1, 2, 3]) {
    await wire.store('jobs.busy', { n })
    await eventually(`message ${n}`, () => seen.includes(n))
  }
  assert.equal(
    host.log.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  )
})

test.run()
