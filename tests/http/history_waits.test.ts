import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('the history of an order that audit has not read yet')

test('is never a 404 after a 201: it waits, or says that it does not know', async () => {
  const { broker, send, order } = await openShop({
    args: ['--except', 'audit/record'],
    env: { RPC_TIMEOUT_MS: '20000' },
  })
  const first = await order()
  assert.ok((await send('GET', `/api/v1/orders/${first}/history`)).status >= 500)

  const audit = await startApp(broker, { args: ['--only', 'audit/record'] })
  await eventually('the history', async () => {
    const { status } = await send('GET', `/api/v1/orders/${first}/history`)
    assert.is.not(status, 404)
    return status === 200
  })
  assert.is(await audit.end(), 0)

  const second = await order()
  const asked = send('GET', `/api/v1/orders/${second}/history`)
  await startApp(broker, { args: ['--only', 'audit/record'] })
  assert.is((await asked).status, 200)
})

test.run()
