import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { startBroker } from '../support/broker'
import { customer } from '../support/orders'
import { suite } from '../support/suite'

const test = suite('a cancel by the customer')

/** How far the order gets before the cancel: the functions that are away hold it there. */
const stages = [
  { status: 'created', away: 'inventory/reserve', undone: [] },
  { status: 'reserved', away: 'payment/capture', undone: ['inventory_released'] },
  { status: 'paid', away: 'delivery/assign', undone: ['inventory_released', 'payment_refunded'] },
  { status: 'assigned', away: '', undone: ['inventory_released', 'payment_refunded'] },
]

for (const { status, away, undone } of stages) {
  test(`undoes, once each, what was done when the order is ${status}`, async () => {
    const broker = await startBroker()
    const app = await startApp(broker, { args: away ? ['--except', away] : [] })
    const { order, reaches, cancel, events, stock } = customer(app)
    const id = await order({ 'milk-jug': 3 })
    await reaches(id, status)

    const { status: code, body } = await cancel(id, 'changed my mind')
    assert.is(code, 200)
    assert.equal(
      { status: body.status, reason: body.reason, cancelled_by: body.cancelled_by },
      { status: 'cancelled', reason: 'changed my mind', cancelled_by: 'customer' },
    )
    await events(id, ['order_cancel_requested', 'order_cancelled', ...undone])

    // What was away comes back late and finds the cancel.
    if (away) await startApp(broker, { args: ['--only', away] })
    const late = customer(app)
    const other = await late.order({ 'milk-jug': 1 })
    await late.reaches(other, 'assigned')
    const types = await events(id, undone)
    assert.equal(
      types.filter((type) => type === 'inventory_released' || type === 'payment_refunded'),
      undone.toSorted(),
    )
    assert.is(types.includes('payment_captured'), status === 'paid' || status === 'assigned')
    assert.is((await stock('milk-jug')).reserved, 1)
    assert.equal((await cancel(id)).body, body)
    assert.equal(await events(id, []), types)
  })
}

test('is refused once the courier has picked the goods up, and after the delivery', async () => {
  const app = await startApp(await startBroker())
  const { order, reaches, report, cancel, history } = customer(app)
  const id = await order()
  await reaches(id, 'assigned')
  assert.is((await report(id, 'picked_up')).status, 200)
  assert.is((await cancel(id)).status, 409)
  assert.is((await report(id, 'delivered')).status, 200)
  await reaches(id, 'delivered')
  const { status, body } = await cancel(id)
  assert.is(status, 409)
  assert.is(body.type, '/problems/not-cancellable')
  assert.not.ok((await history(id)).events.some(({ type }) => type.startsWith('order_cancel')))
})

test('and a pick-up at the same moment: one of the two is told no, every time', async () => {
  const app = await startApp(await startBroker())
  const { order, reaches, report, cancel, status, events } = customer(app)
  let cancelled = 0
  for (let round = 0; round < 20; round++) {
    const id = await order()
    await reaches(id, 'assigned')
    const [picked, undone] = await Promise.all([report(id, 'picked_up'), cancel(id)])
    assert.equal([picked.status, undone.status].toSorted(), [200, 409], `round ${round}`)
    if (undone.status === 200) {
      cancelled++
      await events(id, ['inventory_released', 'payment_refunded'])
    } else assert.is((await status(id)).status, 'assigned')
  }
  console.log(`the cancel was first ${cancelled} times of 20`)
})

test.run()
