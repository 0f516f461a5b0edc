import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import { newKey } from '../../functions/order/_new_key'
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
  return async (key: string) => {
    const before = looks
    const { headers } = await wire.ask('rpc.create_order', newOrder(), { 'Idempotency-Key': key })
    await wire.nc.flush()
    return { looks: looks - before, replayed: headers['Idempotent-Replayed'] }
  }
}

test('is not looked for, and one under a key that a client sent is', async () => {
  const ask = await start()
  const key = newKey()
  assert.equal(await ask(key), { looks: 0, replayed: undefined })
  assert.is((await ask(key)).replayed, 'true')
  assert.equal(await ask('sent'), { looks: 1, replayed: undefined })
  assert.equal(await ask(newKey().replace(/\d{13}/, String(Date.now() - 600_000))), { looks: 1, replayed: undefined })
})

test.run()
