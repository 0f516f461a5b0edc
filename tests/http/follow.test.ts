import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { followOrder, type ServerSent } from '../support/event_stream'
import { pointers } from '../support/http_client'
import { openShop } from '../support/shop'
import { suite } from '../support/suite'

const test = suite('GET /api/v1/orders/{order_id}/events')
const opening = openShop()

const follow = async (order: string, lastEventId?: string) => followOrder((await opening).app.url, order, lastEventId)

const history = async (order: string) => {
  const { body } = await (await opening).send('GET', `/api/v1/orders/${order}/history`)
  return (body as unknown as { events: ServerSent['data'][] }).events
}

const report = async (order: string, status: string) => {
  const { send } = await opening
  const answer = await send('POST', `/api/v1/deliveries/${order}/status`, { body: { status } })
  assert.is(answer.status, 200)
}

const told = (events: ServerSent[]) => events.map(({ data }) => data)
const types = (events: ServerSent[]) => events.map(({ event }) => event)

/** An order whose every event has happened; what is shipped is told after the pick-up, so that comes first. */
async function delivered(): Promise<string> {
  const { order, reaches } = await opening
  const id = await order()
  await reaches(id, 'assigned')
  await report(id, 'picked_up')
  const following = await follow(id)
  await following.reach(6)
  await report(id, 'delivered')
  await following.ended
  return id
}

const beforePickUp = ['order_created', 'inventory_reserved', 'payment_captured', 'delivery_assigned']

test('starts with what has happened, goes on live, and ends with the delivery', async () => {
  const { order, reaches } = await opening
  const id = await order()
  await reaches(id, 'assigned')
  const following = await follow(id)
  await following.reach(4)
  assert.equal(types(following.events), beforePickUp)
  await report(id, 'picked_up')
  await following.reach(6)
  assert.equal(types(following.events).slice(4).toSorted(), ['delivery_picked_up', 'inventory_shipped'])
  await report(id, 'delivered')
  await following.ended
  assert.is(types(following.events).at(-1), 'delivery_completed')
  assert.equal(told(following.events), await history(id))
  for (const { id, event, data } of following.events) assert.equal([id, event], [String(data.seq), data.type])
})

test('ends after a cancel', async () => {
  const { order, send } = await opening
  const id = await order()
  const following = await follow(id)
  assert.is((await send('POST', `/api/v1/orders/${id}/cancel`)).status, 200)
  await following.ended
  assert.ok(types(following.events).includes('order_cancelled'))
  assert.equal(told(following.events), (await history(id)).slice(0, following.events.length))
})

test('a finished order is told whole and ends', async () => {
  const id = await delivered()
  const following = await follow(id)
  await following.ended
  assert.equal(told(following.events), await history(id))
})

test('cut after any of its events, it goes on with the next one', async () => {
  const id = await delivered()
  const all = await history(id)
  for (const [index, { seq }] of all.entries()) {
    const rest = await follow(id, String(seq))
    await rest.ended
    assert.equal(told(rest.events), all.slice(index + 1))
  }
})

test('cut after each event while the order goes on, it misses and repeats nothing', async () => {
  const { order } = await opening
  const id = await order()
  const heard: ServerSent[] = []
  const steps: Record<number, string> = { 4: 'picked_up', 6: 'delivered' }
  while (types(heard).at(-1) !== 'delivery_completed') {
    const following = await follow(id, heard.at(-1)?.id)
    const step = steps[heard.length]
    if (step) await report(id, step)
    await following.reach(1)
    await following.leave()
    heard.push(...following.events.slice(0, 1))
    assert.ok(heard.length <= 7, `repeated: ${types(heard)}`)
  }
  assert.equal(told(heard), await history(id))
})

const nowhere: Record<string, string> = {
  'a number past every event': '999999',
  'a number past every number': '9'.repeat(400),
}
for (const [what, lastEventId] of Object.entries(nowhere)) {
  test(`${what} leaves nothing to tell`, async () => {
    const following = await follow(await delivered(), lastEventId)
    await following.ended
    assert.equal(following.events, [])
  })
}

test('a number with zeros before it is that number', async () => {
  const id = await delivered()
  const all = await history(id)
  const following = await follow(id, String(all[0]?.seq).padStart(40, '0'))
  await following.ended
  assert.equal(told(following.events), all.slice(1))
})

for (const lastEventId of ['', 'x', '-1', '1.5', '1e3', '0x1', '1 2', '²']) {
  test(`Last-Event-ID ${JSON.stringify(lastEventId)} is a 400`, async () => {
    const { order, send } = await opening
    const path = `/api/v1/orders/${await order()}/events`
    const answer = await send('GET', path, { headers: { 'Last-Event-ID': lastEventId } })
    assert.is(answer.status, 400)
    assert.equal(pointers(answer), ['#/Last-Event-ID'])
  })
}

test('twenty followers at two gateways all hear all', async () => {
  const { broker, app, order, reaches } = await opening
  const other = await startApp(broker, { args: ['--only', 'gateway'] })
  const id = await order()
  const followers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => followOrder(n % 2 ? app.url : other.url, id)),
  )
  await reaches(id, 'assigned')
  await report(id, 'picked_up')
  await Promise.all(followers.map(({ reach }) => reach(6)))
  await report(id, 'delivered')
  await Promise.all(followers.map(({ ended }) => ended))
  const all = await history(id)
  for (const { events } of followers) assert.equal(told(events), all)
  assert.is(await other.end(), 0)
})

test('a process that stops ends its followers and does not wait for their orders', async () => {
  const { broker, order } = await opening
  const app = await startApp(broker, { args: ['--only', 'gateway'], env: { DRAIN_MS: '100000' } })
  const id = await order()
  const followers = await Promise.all(Array.from({ length: 5 }, () => followOrder(app.url, id)))
  await Promise.all(followers.map(({ reach }) => reach(4)))
  assert.is(await app.end(), 0)
  await Promise.all(followers.map(({ ended }) => ended))
})

test.run()
