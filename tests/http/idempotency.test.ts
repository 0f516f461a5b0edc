import * as assert from 'uvu/assert'
import { pointers, problemType } from '../support/http_client'
import { orderIdOf } from '../support/order_id'
import { idOf, newOrder, openShop } from '../support/shop'
import { suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('Idempotency-Key')
const opening = openShop()
const create = async (body: unknown, key?: string) => {
  const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key }
  return (await opening).send('POST', '/api/v1/orders', { body, headers })
}
const replayed = ({ headers }: Awaited<ReturnType<typeof create>>) => headers.get('idempotent-replayed')

const createdEvents = async (order_id: string) => {
  const wire = await openWire((await opening).broker)
  const events = await wire.stored('EVENTS', 'events.order_created')
  return events.filter(({ body }) => (body as { order_id: string }).order_id === order_id)
}

test('the same key and body answer the same order, and say that it is a repeat', async () => {
  const first = await create(newOrder(), 'same')
  assert.is(first.status, 201)
  assert.is(replayed(first), null)
  for (const repeat of [await create(newOrder(), 'same'), await create(newOrder(), 'same')]) {
    assert.is(repeat.status, 201)
    assert.is(replayed(repeat), 'true')
    assert.equal(repeat.body, first.body)
  }
})

test('bodies are compared as parsed JSON', async () => {
  const first = await create(newOrder(), 'parsed')
  const { user_id, items, address, payment_method } = newOrder()
  const ways = [
    JSON.stringify(newOrder(), null, 4),
    JSON.stringify({ payment_method, address, items: items.map(({ sku, qty }) => ({ qty, sku })), user_id }),
    JSON.stringify(newOrder()).replace('"qty":1', '"qty":1.0e0').replace('u-1', '\\u0075-1'),
  ]
  for (const way of ways) {
    const repeat = await create(way, 'parsed')
    assert.is(replayed(repeat), 'true')
    assert.is(idOf(repeat), idOf(first))
  }
})

const line = { sku: 'espresso-beans', qty: 1 }
const others: Record<string, object> = {
  address: { address: '2 Main Street' },
  quantity: { items: [{ ...line, qty: 2 }] },
  lines: { items: [line, { sku: 'green-tea', qty: 1 }] },
}
for (const [what, changes] of Object.entries(others)) {
  test(`the same key with another ${what} is a 422, and the order stays as it was`, async () => {
    const key = `other-${what}`
    const first = await create(newOrder(), key)
    const refused = await create(newOrder(changes), key)
    assert.is(refused.status, 422)
    assert.is(problemType(refused), '/problems/idempotency-key-reused')
    assert.is(replayed(await create(newOrder(), key)), 'true')
    const events = await createdEvents(idOf(first))
    const kept = events.map(({ body }) => body as ReturnType<typeof newOrder>)
    assert.equal(
      kept.map(({ address, items }) => ({ address, items })),
      [{ address: '1 Main Street', items: [line] }],
    )
  })
}

test('the same key of another user is another order', async () => {
  const mine = await create(newOrder(), 'shared')
  const yours = await create(newOrder({ user_id: 'u-2' }), 'shared')
  assert.is(yours.status, 201)
  assert.is(replayed(yours), null)
  assert.is.not(idOf(mine), idOf(yours))
})

test('user and key name the order', async () => {
  for (const [user, key] of [
    ['u-1', 'named'],
    ['u-1,named', '"'],
    ['ü😀', '~!'],
    ['lone \ud800', 'x'.repeat(255)],
  ] as const) {
    assert.is(idOf(await create(newOrder({ user_id: user }), key)), orderIdOf(user, key))
  }
})

test('without a key every request is a new order', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, async () => idOf(await create(newOrder()))))
  assert.is(new Set(ids).size, 5)
})

const bad: Record<string, string> = {
  'an empty key': '',
  'a key with a blank': 'a b',
  'a key with a tab': 'a\tb',
  'a key of 256 characters': 'k'.repeat(256),
  'a key that is not ASCII': 'k\xe9',
}
for (const [what, key] of Object.entries(bad)) {
  test(`${what} is a 400`, async () => {
    const answer = await create(newOrder(), key)
    assert.is(answer.status, 400)
    assert.equal(pointers(answer), ['#/Idempotency-Key'])
  })
}

test('twenty at once are one order and one event, told as new to one of them', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => create(newOrder(), 'at-once')))
  assert.equal([...new Set(answers.map(({ status }) => status))], [201])
  const [id = '', ...rest] = new Set(answers.map(idOf))
  assert.equal(rest, [])
  assert.is(answers.filter((answer) => replayed(answer) === null).length, 1)
  assert.is((await createdEvents(id)).length, 1)
})

test('twenty at once with different bodies are one order: the others are refused', async () => {
  const bodies = Array.from({ length: 20 }, (_, index) => newOrder({ address: String(index % 4) }))
  const answers = await Promise.all(bodies.map((body) => create(body, 'race')))
  const taken = answers.filter(({ status }) => status === 201)
  assert.is(taken.length, 5)
  assert.is(answers.filter(({ status }) => status === 422).length, 15)
  assert.is((await createdEvents(orderIdOf('u-1', 'race'))).length, 1)
})

test('a body that is refused uses up no key', async () => {
  assert.is((await create(newOrder({ address: '' }), 'second-try')).status, 400)
  const created = await create(newOrder(), 'second-try')
  assert.is(created.status, 201)
  assert.is(replayed(created), null)
})

test.run()
