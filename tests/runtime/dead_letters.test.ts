import { headers } from 'nats'
import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('dead letters')

/** A function that refuses all that it gets. */
async function start() {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const jsm = await wire.nc.jetstreamManager()
  const run = () =>
    runFunctions(broker, {
      contracts: notes('jobs.refuse'),
      functions: {
        'refuse/job': {
          mode: 'job',
          subject: 'jobs.refuse',
          queue: 'refuse',
          handler: (_: Note, { reject }: Context) => reject(400, 'Never.'),
        },
      },
    })
  const letters = (count: number) =>
    eventually(`${count} dead letters`, async () => {
      const found = await wire.stored('DLQ')
      return found.length >= count ? found : undefined
    })
  const done = () =>
    eventually('all to be done', async () => {
      const { num_pending, num_ack_pending } = await wire.durable('JOBS', 'refuse/job')
      return num_pending + num_ack_pending === 0
    })
  return { wire, jsm, run, letters, done }
}

test('of a stream made anew, the message with an old one’s number is stored beside that', async () => {
  const { wire, jsm, run, letters, done } = await start()
  const first = await run()
  await wire.store('jobs.refuse', { n: 1 })
  await letters(1)
  await first.stop()
  await jsm.streams.delete('JOBS')
  await jsm.streams.add({ name: 'JOBS', subjects: ['jobs.*'] })
  await run()
  await wire.store('jobs.refuse', { n: 2 })
  const both = await letters(2)
  await done()
  assert.equal(
    both.map(({ body, headers: { 'Dlq-Seq': seq, 'Nats-Msg-Id': id } }) => [(body as Note).n, seq, id?.slice(0, 17)]),
    [
      [1, '1', 'refuse/job:JOBS:1'],
      [2, '1', 'refuse/job:JOBS:1'],
    ],
  )
  assert.is(both[0]?.headers['Nats-Msg-Id'], 'refuse/job:JOBS:1')
})

test('one that an operator dropped is stored again when its message is refused again', async () => {
  const { wire, jsm, run, letters, done } = await start()
  const first = await run()
  await wire.store('jobs.refuse', { n: 1 })
  await letters(1)
  await first.stop()
  await jsm.streams.deleteMessage('DLQ', 1)
  await jsm.consumers.delete('JOBS', 'refuse__job')
  const bucket = await wire.nc.jetstream().views.kv('runtime', { bindOnly: true })
  await bucket.put('floor.JOBS.refuse__job', JSON.stringify({ seq: 0, created: '' }))
  await run()
  await done()
  assert.is((await wire.stored('DLQ').catch(() => [])).length, 1)
})

test('the same message buried again, since the broker lost that it was done, is one letter', async () => {
  const { wire, jsm, run, letters, done } = await start()
  const first = await run()
  await wire.store('jobs.refuse', { n: 1 }, { Foreign: 'x' })
  await letters(1)
  await first.stop()
  await jsm.consumers.delete('JOBS', 'refuse__job')
  const bucket = await wire.nc.jetstream().views.kv('runtime', { bindOnly: true })
  await bucket.put('floor.JOBS.refuse__job', JSON.stringify({ seq: 0, created: '' }))
  await run()
  await done()
  assert.is((await wire.stored('DLQ')).length, 1)
})

test('every value of a header is kept', async () => {
  const { wire, jsm, run, letters } = await start()
  await run()
  const sent = headers()
  sent.append('Tag', 'one')
  sent.append('Tag', 'two')
  await wire.nc.jetstream().publish('jobs.refuse', Buffer.from('{"n":1}'), { headers: sent })
  await letters(1)
  const { header } = await jsm.streams.getMessage('DLQ', { seq: 1 })
  assert.equal(header.values('Dlq-Header-Tag'), ['one', 'two'])
})

test.run()
