import * as assert from 'uvu/assert'
import { startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('requests that waited for a slot')

test('are not run once their callers have gone', async () => {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const ran: number[] = []
  let free = () => {}
  const gate = new Promise<void>((resolve) => {
    free = resolve
  })
  await runFunctions(broker, {
    contracts: notes('rpc.slow'),
    functions: {
      'slow/answer': {
        mode: 'rpc',
        subject: 'rpc.slow',
        queue: 'slow',
        policy: { concurrency: 1 },
        handler: async ({ n }: Note) => {
          ran.push(n)
          if (n === 1) await gate
          return { n }
        },
      },
    },
  })
  const first = wire.ask('rpc.slow', { n: 1 })
  const gone = [2, 3, 4].map((n) => wire.ask('rpc.slow', { n }, { 'Timeout-Ms': '50' }, 100).catch(() => 'gone'))
  assert.equal(await Promise.all(gone), ['gone', 'gone', 'gone'])
  free()
  await first
  await wire.ask('rpc.slow', { n: 5 })
  assert.equal(ran, [1, 5])
})

test.run()
