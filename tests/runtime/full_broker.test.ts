import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a broker without room')

test('is nobody’s poison: what cannot be stored is sent again until there is room', async () => {
  const broker = await startBroker({ largest: '2MB' })
  const wire = await openWire(broker)
  let isFull = () => {}
  const full = new Promise<void>((resolve) => {
    isFull = resolve
  })
  const host = await runFunctions(broker, {
    streams: { EVENTS: { subjects: ['events.*'] } },
    contracts: notes('events.asked', 'events.told'),
    functions: {
      'full/tell': {
        mode: 'stream',
        subject: 'events.asked',
        emits: ['events.told'],
        policy: { maxDeliver: 1 },
        handler: async ({ n }: Note, { emit }: Context) => {
          await full
          emit('events.told', { n })
        },
      },
    },
  })
  const jsm = await wire.nc.jetstreamManager()
  await jsm.streams.add({ name: 'FILLER', subjects: ['filler'] })
  await wire.store('events.asked', { n: 1 })
  for (const size of [200_000, 2_000, 20]) {
    await eventually('the broker to be full', () =>
      wire.store('filler', 'x'.repeat(size)).then(
        () => false,
        () => true,
      ),
    )
  }

  const sent = await wire.hear('events.told')
  isFull()
  await eventually('it to be sent for the third time', () => sent.length > 2)
  assert.equal(await wire.stored('EVENTS', 'events.told'), [])
  await jsm.streams.purge('FILLER')
  await eventually('it to be stored', async () => (await wire.stored('EVENTS', 'events.told')).length === 1)
  assert.equal(await wire.stored('DLQ'), [])
  assert.not.ok(host.log.some(({ text }) => text.includes('dead letters')))
})

test.run()
