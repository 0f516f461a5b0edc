import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('an order from curl to the door')

test('goes through every status, and each event stands once in its history', async () => {
  const app = await startApp(await startBroker(), { env: { DELIVERY_SIMULATION_MS: '50' } })
  const order = { user_id: 'u-1', items: [{ sku: 'espresso-beans', qty: 2 }], address: 'x', payment_method: 'card' }
  const answer = await fetch(`${app.url}/api/v1/orders`, { method: 'POST', body: JSON.stringify(order) })
  assert.is(answer.status, 201)
  const location = answer.headers.get('location')
  await eventually('the order to be delivered', async () => {
    const { status } = (await (await fetch(`${app.url}${location}`)).json()) as { status: string }
    return status === 'delivered'
  })
  const history = (await (await fetch(`${app.url}${location}/history`)).json()) as { events: { type: string }[] }
  const types = history.events.map(({ type }) => type)
  assert.equal(types.toSorted(), [
    'delivery_assigned',
    'delivery_completed',
    'delivery_picked_up',
    'inventory_reserved',
    'inventory_shipped',
    'order_created',
    'payment_captured',
  ])
  assert.is(await app.end(), 0)
})

test.run()
