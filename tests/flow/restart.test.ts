import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { impatient } from '../support/manifest'
import { customer } from '../support/orders'
import { suite } from '../support/suite'

const test = suite('processes that die')

test('an order that was answered 201 arrives, though everything is killed and started again', async () => {
  const broker = await startBroker()
  const args = ['--manifest', await impatient()]
  const app = await startApp(broker, { args })
  const ids = await Promise.all(Array.from({ length: 20 }, () => customer(app).order({ 'paper-filters': 2 })))
  await app.end('SIGKILL')
  await broker.kill('SIGKILL')
  await broker.start()
  const again = customer(await startApp(broker, { args }))
  await Promise.all(ids.map((id) => again.reaches(id, 'assigned')))
  assert.is((await again.stock('paper-filters')).reserved, 40)
})

test('the broker killed and started under a running app loses no order', async () => {
  const broker = await startBroker()
  const { order, reaches, stock } = customer(await startApp(broker))
  const ids = await Promise.all(Array.from({ length: 10 }, () => order({ 'cup-set': 1 })))
  await broker.kill('SIGKILL')
  await broker.start()
  await Promise.all(ids.map((id) => reaches(id, 'assigned')))
  assert.is((await stock('cup-set')).reserved, 10)
})

test('a restart still knows the order', async () => {
  const broker = await startBroker()
  const app = await startApp(broker, { env: { DELIVERY_SIMULATION_MS: '20' } })
  const id = await customer(app).order()
  await customer(app).reaches(id, 'delivered')
  const told = await customer(app).history(id)
  assert.is(await app.end('SIGINT'), 0)
  await broker.kill()
  await broker.start()
  const again = customer(await startApp(broker))
  assert.is((await again.status(id)).status, 'delivered')
  assert.equal(await again.history(id), told)
})

test.run()
