import { connect } from 'nats'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { manifestWith } from '../support/manifest'
import { customer } from '../support/orders'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('services that are away, and come back')

test('a courier’s report waits for order behind delivery: nothing is dead-lettered, and the order arrives', async () => {
  const broker = await startBroker()
  const manifest = await manifestWith((functions) => {
    for (const { policy } of functions) Object.assign(policy, { maxDeliver: 2, backoffMs: [50, 100] })
  })
  const args = ['--manifest', manifest]
  const env = { DELIVERY_SIMULATION_MS: '20' }
  const app = await startApp(broker, { args: [...args, '--except', 'order/dispatch'], env })
  const { order, reaches, report } = customer(app)
  const id = await order()
  await reaches(id, 'assigned')
  await eventually('the report to be refused for order’s sake more often than maxDeliver allows failures', () => {
    const waits = app
      .log()
      .filter(({ msg, function: fn }) => fn === 'delivery/simulate_pickup' && /away/.test(String(msg)))
    return waits.length > 3
  })
  assert.is((await report(id, 'picked_up')).status, 504)
  await startApp(broker, { args: [...args, '--only', 'order/dispatch'] })
  await reaches(id, 'delivered')

  const nc = await connect({ servers: broker.url })
  const { state } = await (await nc.jetstreamManager()).streams.info('DLQ')
  await nc.close()
  assert.is(state.messages, 0)
})

test('an order cancelled while payment was away for longer than a payment may wait is refunded all the same', async () => {
  const broker = await startBroker()
  const manifest = await manifestWith((functions) => {
    for (const { name, policy } of functions) if (name.startsWith('payment/')) policy.maxAgeMs = 1
  })
  const patient = { RPC_TIMEOUT_MS: '20000' }
  const rest = customer(await startApp(broker, { args: ['--except', 'payment'], env: patient }))
  const ids = await Promise.all(Array.from({ length: 200 }, () => rest.order({ 'paper-filters': 1 })))
  await Promise.all(ids.map((id) => rest.reaches(id, 'reserved')))
  for (const { status } of await Promise.all(ids.map((id) => rest.cancel(id)))) assert.is(status, 200)
  await startApp(broker, { args: ['--manifest', manifest, '--only', 'payment'] })
  const last = await rest.order({ 'paper-filters': 1 })
  await rest.reaches(last, 'assigned')
  for (const id of ids) {
    const types = await rest.events(id, ['inventory_released'])
    if (types.includes('payment_captured')) await rest.events(id, ['payment_refunded'])
  }
  assert.is((await rest.stock('paper-filters')).reserved, 1)
})

test.run()
