import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import { limits } from '../../functions/order/_followed'
import { orderId } from '../../functions/order/_identity'
import * as create from '../../functions/order/create'
import * as track from '../../functions/order/track'
import { startBroker } from '../support/broker'
import { fromModule, runFunctions } from '../support/host'
import { newOrder } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('a key whose order_created the broker has forgotten')

const forgetsMs = 1_000
Object.assign(limits, { lagMs: 500, lookAgainMs: 50 })

async function start() {
  const broker = await startBroker()
  const wire = await openWire(broker)
  const streams = { EVENTS: { subjects: ['events.*'], duplicateWindowMs: forgetsMs } }
  const functions = { 'order/create': fromModule(create), 'order/track': fromModule(track) }
  const host = await runFunctions(broker, { contracts, streams, functions })
  const ask = async (key: string, address: string) => {
    const { headers } = await wire.ask('rpc.create_order', newOrder({ address }), { 'Idempotency-Key': key })
    return headers['Nats-Service-Error-Code'] ?? '201'
  }
  const trackAgain = () => runFunctions(broker, { contracts, streams, functions: { 'order/track': fromModule(track) } })
  const created = async () => (await wire.stored('EVENTS', 'events.order_created')).length
  return { wire, host, ask, trackAgain, created }
}

/** The first request's process died between the event and the record. */
const event = (key: string) => {
  const { user_id, items, address, payment_method } = newOrder()
  const order_id = orderId(user_id, key)
  const body = { order_id, user_id, items, address, payment_method, occurred_at: new Date().toISOString() }
  return [{ ...body, request_hash: 'the first' }, { 'Nats-Msg-Id': `order_created:${order_id}` }] as const
}

test('another body under it is never a second order: 503 while order/track is away, and 422 after', async () => {
  const { wire, host, ask, trackAgain, created } = await start()
  assert.is(await ask('some-other', 'here'), '201')
  await eventually(
    'order/track to be done',
    async () => (await wire.durable('EVENTS', 'order/track')).ack_floor.stream_seq === 1,
  )
  await host.remove('order/track')
  await wire.store('events.order_created', ...event('died'))
  const forgotten = Date.now() + forgetsMs + 500
  await eventually('the broker to forget the id', () => Date.now() > forgotten)
  assert.is(await ask('died', 'elsewhere'), '503')
  assert.is(await created(), 2)
  await trackAgain()
  await eventually('the key to be found out', async () => (await ask('died', 'elsewhere')) === '422')
  assert.is(await ask('one-more', 'here'), '201')
})

test('a track that is away for less than that keeps nobody waiting', async () => {
  const { wire, host, ask, created } = await start()
  await host.remove('order/track')
  await wire.store('events.order_created', ...event('young'))
  assert.is(await ask('young', 'elsewhere'), '422')
  assert.is(await ask('new', 'here'), '201')
  assert.is(await created(), 2)
})

test.run()
