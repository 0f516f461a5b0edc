import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import * as create from '../../functions/order/create'
import * as track from '../../functions/order/track'
import { startBroker } from '../support/broker'
import { fromModule, runFunctions } from '../support/host'
import { newOrder } from '../support/shop'
import { suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('an order under a new key')

/** Asks for an order under a key, and tells how often the bucket of orders was read for it. */
async function start() {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const streams = { EVENTS: { subjects: ['events.*'] } }
  const functions = { 'order/create': fromModule(create), 'order/track': fromModule(track) }
  const host = await runFunctions(broker, { contracts, streams, functions })
  await host.remove('order/track')
  let looks = 0
  wire.nc.subscribe('$JS.API.DIRECT.GET.KV_orders.>', { callback: () => void looks++ })
  await wire.nc.flush()
  return async (headersSent: Record<string, string> = {}) => {
    const before = looks
    const { headers } = await wire.ask('rpc.create_order', newOrder(), headersSent)
    await wire.nc.flush()
    return { looks: looks - before, replayed: headers['Idempotent-Replayed'] }
  }
}

test('is not looked for, and one under a key that a client sent is', async () => {
  const ask = await start()
  const made = { 'Idempotency-Key': 'made', 'Idempotency-Key-New': 'true' }
  assert.equal(await ask(), { looks: 0, replayed: undefined })
  assert.equal(await ask(made), { looks: 0, replayed: undefined })
  assert.equal(await ask({ 'Idempotency-Key': 'sent' }), { looks: 1, replayed: undefined })
})

test('is the same order all the same where who says that it is new has asked with it before', async () => {
  const ask = await start()
  const made = { 'Idempotency-Key': 'made', 'Idempotency-Key-New': 'true' }
  await ask(made)
  assert.is((await ask(made)).replayed, 'true')
})

test.run()
