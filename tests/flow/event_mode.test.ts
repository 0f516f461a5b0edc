import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { manifestWith } from '../support/manifest'
import { customer } from '../support/orders'
import { suite } from '../support/suite'

const test = suite('the pub/sub of the original sketch')

test('the same functions in mode event, one word changed each, bring an order to the door', async () => {
  const manifest = await manifestWith((functions) => {
    for (const entry of functions) if (entry.mode === 'stream') entry.mode = 'event'
  })
  const app = await startApp(await startBroker(), {
    args: ['--manifest', manifest],
    env: { DELIVERY_SIMULATION_MS: '50' },
  })
  const { order, reaches, stock } = customer(app)
  await reaches(await order({ 'green-tea': 2 }), 'delivered')
  assert.is((await stock('green-tea')).on_hand, 598)
  const cancelled = await order({ 'no-such-thing': 1 })
  assert.is((await reaches(cancelled, 'cancelled')).reason, 'unknown_sku')
})

test.run()
