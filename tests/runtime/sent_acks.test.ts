import { integer, object } from 'superstruct'
import * as assert from 'uvu/assert'
import { openSentAcks } from '../../connect/acks'
import { message } from '../../runtime/types'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { startProxy } from '../support/proxy'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('acks that nobody heard')

const count = 200

test('are sent again over the next link, so that what was done does not come again', async () => {
  const broker = await startBroker()
  const proxy = await startProxy(broker)
  const wire = await openWire(broker)
  let begun = 0
  const { promise: mayEnd, resolve: end } = gate()
  await runFunctions(proxy, {
    contracts: { 'jobs.count': message(object({ n: integer() }), ({ n }) => `count:${n}`) },
    functions: {
      'count/all': {
        mode: 'job',
        subject: 'jobs.count',
        queue: 'count',
        policy: { concurrency: count },
        handler: () => {
          begun++
          return mayEnd
        },
      },
    },
  })
  await Promise.all(Array.from({ length: count }, (_, n) => wire.store('jobs.count', { n })))
  await eventually('all to be with their handlers', () => begun === count)
  const breakLinks = proxy.lose()
  end()
  await mayEnd
  // The turn of the event loop that sends the acks, and the socket's.
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
  breakLinks()
  // Less than the 30 s after which they would come again.
  await eventually(
    'all to be acked',
    async () => (await wire.durable('JOBS', 'count/all')).num_ack_pending === 0,
    10_000,
  )
  assert.is(begun, count)
})

function gate() {
  let resolve = () => {}
  const promise = new Promise<void>((end) => {
    resolve = end
  })
  return { promise, resolve: () => resolve() }
}

test('are remembered for two turns of eight looks, and told once', () => {
  const acks = openSentAcks()
  const look = (times: number) => {
    for (let time = 0; time < times; time++) acks.turn()
  }
  acks.add('one')
  look(8)
  acks.add('two')
  look(7)
  assert.equal(acks.take(), ['one', 'two'])
  assert.equal(acks.take(), [])
  acks.add('three')
  look(16)
  assert.equal(acks.take(), [])
})

test.run()
