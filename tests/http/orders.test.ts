import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { httpClient, pointers, problemType } from '../support/http_client'
import { newOrder, openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'

const test = suite('an order over HTTP')
const opening = openShop()
const unknown = '0'.repeat(26)
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const send = async (method: string, path: string, body?: unknown) =>
  (await opening).send(method, path, body === undefined ? {} : { body })
const cancel = (order: string, body?: unknown) => send('POST', `/api/v1/orders/${order}/cancel`, body)
const types = async (order: string) => {
  const { body } = await send('GET', `/api/v1/orders/${order}/history`)
  return (body as { events: { type: string }[] }).events.map(({ type }) => type)
}

const calls: [method: string, path: (id: string) => string, body?: object][] = [
  ['GET', (id) => `/api/v1/orders/${id}`],
  ['POST', (id) => `/api/v1/orders/${id}/cancel`],
  ['GET', (id) => `/api/v1/orders/${id}/history`],
  ['GET', (id) => `/api/v1/orders/${id}/explain`],
  ['GET', (id) => `/api/v1/orders/${id}/events`],
  ['POST', (id) => `/api/v1/deliveries/${id}/status`, { status: 'picked_up' }],
]
const malformed: Record<string, string> = {
  'lower case': unknown.replace('0', 'a'),
  ...Object.fromEntries([...'ILOU'].map((letter) => [`an ${letter}`, unknown.replace('0', letter)])),
  '25 characters': '0'.repeat(25),
  '27 characters': '0'.repeat(27),
  'one character': '0',
  'a % that encodes nothing': '%zz',
  'half an encoded character': '%e2%82',
  'an encoded NUL': `${'0'.repeat(25)}%00`,
  'an encoded line break at the end': `${unknown}%0A`,
  'an encoded slash': `${'0'.repeat(25)}%2F`,
  'a wildcard of NATS': '*',
  'several tokens of NATS': 'a.b.%3E',
  'the name of a prototype': '__proto__',
}
for (const [method, path, body] of calls) {
  test(`${method} ${path('{order_id}')} answers 404 for an order that is not there`, async () => {
    const answer = await send(method, path(unknown), body)
    assert.is(answer.status, 404)
    assert.is(problemType(answer), '/problems/not-found')
  })

  test(`${method} ${path('{order_id}')} answers 400 for what is no order id`, async () => {
    for (const [what, id] of Object.entries(malformed)) {
      const answer = await send(method, path(id), body)
      assert.is(answer.status, 400, what)
      assert.equal(pointers(answer), ['#/order_id'], what)
    }
  })
}

test('an order id may come percent-encoded', async () => {
  const id = await (await opening).order()
  const encoded = `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`
  assert.is((await send('GET', `/api/v1/orders/${encoded}`)).status, 200)
})

test('what one gateway answered 201, the gateway of another process shows', async () => {
  const { broker } = await opening
  const other = httpClient((await startApp(broker, { args: ['--only', 'gateway'] })).url)
  const here = (await opening).send
  for (const [write, read] of Array.from({ length: 20 }, (_, n) => (n % 2 ? [here, other] : [other, here]))) {
    const created = await write?.('POST', '/api/v1/orders', { body: newOrder() })
    assert.is((await read?.('GET', created?.headers.get('location') ?? ''))?.status, 200)
  }
})

test('the status tells when the latest event happened', async () => {
  const { order, reaches } = await opening
  const id = await order()
  await reaches(id, 'assigned')
  const { body } = await send('GET', `/api/v1/orders/${id}`)
  const status = body as Record<string, string>
  assert.equal(Object.keys(status), ['order_id', 'status', 'updated_at'])
  assert.match(status.updated_at ?? '', time)
})

const wishes: [what: string, body: unknown, reason: string][] = [
  ['without a body', undefined, 'cancelled'],
  ['with an empty object', {}, 'cancelled'],
  ['with a reason', { reason: 'changed my mind' }, 'changed my mind'],
  ['with a reason of one character', { reason: '.' }, '.'],
  ['with a reason of 200 characters', { reason: '😀'.repeat(200) }, '😀'.repeat(200)],
]
for (const [what, body, reason] of wishes) {
  test(`a customer cancels ${what}, and again, to no further effect`, async () => {
    const id = await (await opening).order()
    const cancelled = await cancel(id, body)
    assert.is(cancelled.status, 200)
    const { status, cancelled_by, reason: told } = cancelled.body as Record<string, string>
    assert.equal({ status, cancelled_by, told }, { status: 'cancelled', cancelled_by: 'customer', told: reason })
    const again = await cancel(id, { reason: 'another' })
    assert.is(again.status, 200)
    assert.equal(again.body, cancelled.body)
    assert.equal((await send('GET', `/api/v1/orders/${id}`)).body, cancelled.body)
    const events = await types(id)
    assert.is(events.filter((type) => type === 'order_cancelled').length, 1)
    assert.is(events.filter((type) => type === 'order_cancel_requested').length, 1)
  })
}

const refused: [what: string, body: unknown, pointers: string[]][] = [
  ['an empty reason', { reason: '' }, ['#/reason']],
  ['a reason of 201 characters', { reason: 'r'.repeat(201) }, ['#/reason']],
  ['a reason that is a number', { reason: 1 }, ['#/reason']],
  ['a reason that is null', { reason: null }, ['#/reason']],
  ['an unknown field', { note: 'x' }, ['#/note']],
  ['who cancels', { by: 'operator' }, ['#/by']],
  ['another order', { order_id: unknown }, ['#/order_id']],
  ['null', 'null', ['#']],
  ['a list', '[]', ['#']],
  ['what is not JSON', 'reason=x', ['#']],
]
for (const [what, body, expected] of refused) {
  test(`a cancel with ${what} is a 400 and cancels nothing`, async () => {
    const id = await (await opening).order()
    const answer = await cancel(id, body)
    assert.is(answer.status, 400)
    assert.equal(pointers(answer), expected)
    assert.not.equal(((await send('GET', `/api/v1/orders/${id}`)).body as { status: string }).status, 'cancelled')
  })
}

test('an order that was picked up is not cancellable, nor is one that was delivered', async () => {
  const { order, reaches } = await opening
  const id = await order()
  await reaches(id, 'assigned')
  for (const status of ['picked_up', 'delivered']) {
    assert.is((await send('POST', `/api/v1/deliveries/${id}/status`, { status })).status, 200)
    const answer = await cancel(id)
    assert.is(answer.status, 409)
    assert.is(problemType(answer), '/problems/not-cancellable')
  }
  await reaches(id, 'delivered')
  assert.is((await types(id)).includes('order_cancel_requested'), false)
})

test('the history lists each event once, in the order of the stream, as it was published', async () => {
  const { order, reaches } = await opening
  const id = await order({ user_id: 'u-history' })
  await reaches(id, 'assigned')
  await cancel(id)
  const all = ['delivery_assigned', 'inventory_released', 'inventory_reserved', 'order_cancel_requested']
  all.push('order_cancelled', 'order_created', 'payment_captured', 'payment_refunded')
  await eventually('all that a cancel brings about', async () => (await types(id)).length === all.length)
  assert.equal((await types(id)).toSorted(), all)
  const { body } = await send('GET', `/api/v1/orders/${id}/history`)
  const { order_id, events } = body as { order_id: string; events: Record<string, unknown>[] }
  assert.is(order_id, id)
  const seqs = events.map(({ seq }) => Number(seq))
  assert.equal(
    seqs,
    seqs.toSorted((a, b) => a - b),
  )
  for (const { order_id, at, data } of events) {
    assert.is(order_id, id)
    const { order_id: told, user_id, occurred_at } = data as Record<string, string>
    assert.equal([told, user_id, occurred_at], [id, 'u-history', at])
  }
})

test.run()
