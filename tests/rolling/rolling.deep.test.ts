import * as assert from 'uvu/assert'
import { rolling, services } from '../../bench/rolling/rolling'
import { startBroker } from '../support/broker'
import { impatient } from '../support/manifest'
import { suite } from '../support/suite'

const test = suite('rolling restarts of every service under load')

const options = { rounds: 1, ordersPerSecond: 10, seed: Number(process.env.SEED ?? Date.now() % 100_000) }

test('cost no message, no request and no attempt', async () => {
  const { url } = await startBroker()
  const { restarts, orders, ...cost } = await rolling({ natsUrl: url, ...options })
  assert.is(restarts, 2 * services.length)
  assert.ok(orders > 0)
  const { requests: _, ...counted } = cost
  assert.equal(counted, { failed: [], lost: [], burnt: {}, deadLetters: 0, ends: [] }, `SEED=${options.seed}`)
})

test('are counted: a process that is killed burns attempts', async () => {
  const { url } = await startBroker()
  // What a killed process held comes again after its ack wait; nothing else tells of it.
  const manifest = await impatient()
  const cost = await rolling({ natsUrl: url, ...options, signal: 'SIGKILL', manifest })
  assert.equal(new Set(cost.ends.map((end) => end.split(': ')[1])), new Set(['SIGKILL']))
  assert.ok(cost.failed.length + Object.keys(cost.burnt).length > 0)
})

test.run()
