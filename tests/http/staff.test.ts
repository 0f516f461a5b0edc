import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { problemType } from '../support/http_client'
import { shopAt } from '../support/shop'
import { suite } from '../support/suite'

const test = suite("operators' and couriers' calls")
const broker = startBroker()
const open = '0.0.0.0:0'

async function at(address: string, env: Record<string, string> = {}) {
  const app = await startApp(await broker, { env: { HTTP_ADDR: address, ...env } })
  return shopAt(await broker, { ...app, url: app.url.replace('0.0.0.0', '127.0.0.1') })
}

test('are refused where others can reach them and nobody can sign in; orders are open', async () => {
  const { send, order, reaches, app } = await at(open)
  const id = await order()
  await reaches(id, 'assigned')
  const calls: [method: string, path: string, body: object][] = [
    ['PUT', '/api/v1/inventory/espresso-beans', { on_hand: 1 }],
    ['PUT', '/api/v1/inventory/!', { on_hand: -1 }],
    ['POST', `/api/v1/deliveries/${id}/status`, { status: 'picked_up' }],
  ]
  for (const [method, path, body] of calls) {
    const answer = await send(method, path, { body })
    assert.is(answer.status, 403)
    assert.is(problemType(answer), '/problems/forbidden')
  }
  assert.is((await send('GET', '/api/v1/inventory/espresso-beans')).status, 200)
  assert.is((await send('POST', `/api/v1/orders/${id}/cancel`)).status, 200)
  assert.is(await app.end(), 0)
})

for (const [address, env] of [
  [open, { AUTH: 'off' }],
  ['127.0.0.1:0', {}],
  ['localhost:0', {}],
] as const) {
  test(`are open on ${address} with ${JSON.stringify(env)}`, async () => {
    const { send, app } = await at(address, env)
    assert.is((await send('PUT', '/api/v1/inventory/espresso-beans', { body: { on_hand: 9 } })).status, 200)
    const nobody = await send('POST', `/api/v1/deliveries/${'0'.repeat(26)}/status`, { body: { status: 'failed' } })
    assert.is(nobody.status, 404)
    assert.is(await app.end(), 0)
  })
}

test.run()
