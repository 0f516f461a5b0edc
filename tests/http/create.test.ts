import { Readable } from 'node:stream'
import * as assert from 'uvu/assert'
import { pointers, problemType } from '../support/http_client'
import { idOf, newOrder, openShop } from '../support/shop'
import { suite } from '../support/suite'
import { openWire } from '../support/wire'

const test = suite('POST /api/v1/orders')
const opening = openShop()
const path = '/api/v1/orders'
const limit = 64 * 1024
const create = async (body: unknown, headers?: Record<string, string>) =>
  (await opening).send('POST', path, { body, headers })

test('answers 201 with the order, created, and where it is', async () => {
  const { send } = await opening
  const created = await create(newOrder())
  assert.is(created.status, 201)
  assert.equal(Object.keys(created.body as object), ['order_id', 'status'])
  assert.is(created.headers.get('idempotent-replayed'), null)
  assert.is((await send('GET', created.headers.get('location') ?? '')).status, 200)
})

for (const type of ['text/plain', 'application/xml', 'application/json; charset=utf-16', 'nonsense']) {
  test(`takes JSON that is called ${type}`, async () => {
    assert.is((await create(JSON.stringify(newOrder()), { 'Content-Type': type })).status, 201)
  })
}

const line = { sku: 'espresso-beans', qty: 1 }
const accepted: Record<string, object> = {
  'the longest user, address and SKU': {
    user_id: 'u'.repeat(128),
    address: 'a'.repeat(500),
    items: [{ ...line, sku: 's'.repeat(64) }],
  },
  'characters outside the basic plane, each counted once': { user_id: '😀'.repeat(128), address: '😀'.repeat(500) },
  'NUL characters': { user_id: 'u\0', address: '\0' },
  'lone surrogates': { user_id: '\ud800', address: '\udc00\ud800' },
  'the largest quantity': { items: [{ ...line, qty: 10_000 }] },
  'a hundred lines of ten thousand of one SKU': {
    items: Array.from({ length: 100 }, () => ({ ...line, qty: 10_000 })),
  },
}
for (const [what, changes] of Object.entries(accepted)) {
  test(`takes ${what}`, async () => {
    assert.is((await create(newOrder(changes))).status, 201)
  })
}

const refused: [what: string, changes: object, pointers: string[]][] = [
  ['an unknown field', { coupon: 1 }, ['#/coupon']],
  ['an unknown field of a line', { items: [{ ...line, price: 1 }] }, ['#/items/0/price']],
  ['an unknown field with / and ~ in its name', { 'a/b~c': 1 }, ['#/a~1b~0c']],
  ['no user', { user_id: undefined }, ['#/user_id']],
  ['an empty user', { user_id: '' }, ['#/user_id']],
  ['too long a user', { user_id: 'u'.repeat(129) }, ['#/user_id']],
  ['a number for a user', { user_id: 7 }, ['#/user_id']],
  ['null for a user', { user_id: null }, ['#/user_id']],
  ['no items', { items: undefined }, ['#/items']],
  ['an empty list of items', { items: [] }, ['#/items']],
  ['101 lines', { items: Array.from({ length: 101 }, () => line) }, ['#/items']],
  ['an object for the items', { items: { 0: line } }, ['#/items']],
  ['a line that is text', { items: [line, 'espresso-beans'] }, ['#/items/1']],
  ['a line without a SKU', { items: [{ qty: 1 }] }, ['#/items/0/sku']],
  ['an empty SKU', { items: [{ ...line, sku: '' }] }, ['#/items/0/sku']],
  ['too long a SKU', { items: [{ ...line, sku: 's'.repeat(65) }] }, ['#/items/0/sku']],
  ['a SKU that begins with _', { items: [{ ...line, sku: '_x' }] }, ['#/items/0/sku']],
  ['a SKU with a line break at its end', { items: [{ ...line, sku: 'x\n' }] }, ['#/items/0/sku']],
  ['no quantity', { items: [{ sku: 'x' }] }, ['#/items/0/qty']],
  ['a quantity of 0', { items: [{ ...line, qty: 0 }] }, ['#/items/0/qty']],
  ['a quantity of 10001', { items: [{ ...line, qty: 10_001 }] }, ['#/items/0/qty']],
  ['half a piece', { items: [{ ...line, qty: 1.5 }] }, ['#/items/0/qty']],
  ['a quantity that is text', { items: [{ ...line, qty: '1' }] }, ['#/items/0/qty']],
  ['an empty address', { address: '' }, ['#/address']],
  ['too long an address', { address: 'a'.repeat(501) }, ['#/address']],
  ['no address', { address: undefined }, ['#/address']],
  ['another payment method', { payment_method: 'cash' }, ['#/payment_method']],
  ['no payment method', { payment_method: undefined }, ['#/payment_method']],
  [
    'several faults at once, each named',
    {
      user_id: '',
      items: [
        { sku: '!', qty: 0 },
        { ...line, x: 1 },
      ],
      address: 5,
      payment_method: 'cash',
    },
    ['#/address', '#/items/0/qty', '#/items/0/sku', '#/items/1/x', '#/payment_method', '#/user_id'],
  ],
]
for (const [what, changes, expected] of refused) {
  test(`refuses ${what}`, async () => {
    const answer = await create(newOrder(changes))
    assert.is(answer.status, 400)
    assert.is(problemType(answer), '/problems/invalid-request')
    assert.equal(pointers(answer), expected)
  })
}

const order = JSON.stringify(newOrder())
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const notOrders: [what: string, body: string | Uint8Array, pointers: string[]][] = [
  ['no body', '', ['#']],
  ['blanks', '  ', ['#']],
  ['what is not JSON', '{"user_id":', ['#']],
  ['JSON with more behind it', `${order}}`, ['#']],
  ['what is not UTF-8', Buffer.from(order.replace('u-1', '\xff'), 'latin1'), ['#']],
  ['half a character', Buffer.concat([Buffer.from(order.slice(0, -2)), Buffer.of(0xe2, 0x82)]), ['#']],
  ['null', 'null', ['#']],
  ['a number', '7', ['#']],
  ['text', '"order"', ['#']],
  ['a list', '[]', ['#', '#/address', '#/items', '#/payment_method', '#/user_id']],
  ['a field named __proto__', order.replace('{', '{"__proto__":{"admin":true},'), ['#/__proto__']],
  ['a field named constructor', order.replace('{', '{"constructor":{"prototype":{}},'), ['#/constructor']],
  ['a field named toString', order.replace('{', '{"toString":1,'), ['#/toString']],
  ['a number larger than any', order.replace('"qty":1', '"qty":1e999'), ['#/items/0/qty']],
  ['a number of many digits', order.replace('"qty":1', `"qty":${'9'.repeat(10_000)}`), ['#/items/0/qty']],
]
for (const [what, body, expected] of notOrders) {
  test(`refuses ${what}`, async () => {
    const answer = await create(body)
    assert.is(answer.status, 400)
    assert.equal(pointers(answer), expected)
  })
}

const hostile: Record<string, string> = {
  'a user that cannot be written as text': order.replace('"u-1"', '{"toString":1,"valueOf":1}'),
  'a line that cannot be written as text': order.replace('"espresso-beans"', '{"toString":{}}'),
  'the deepest nesting that fits': nested(32 * 1024),
  'deep nesting in a field': order.replace('"u-1"', nested(30_000)),
  'deep nesting in an unknown field': order.replace('{', `{"x":${nested(30_000)},`),
}
for (const [what, body] of Object.entries(hostile)) {
  test(`refuses ${what}`, async () => {
    const answer = await create(body)
    assert.is(answer.status, 400)
    assert.is(problemType(answer), '/problems/invalid-request')
  })
}

test('goes by the last of two fields of one name', async () => {
  const twice = (last: number) => order.replace('"qty":1', `"qty":1,"qty":${last}`)
  assert.is((await create(twice(2))).status, 201)
  assert.equal(pointers(await create(twice(0))), ['#/items/0/qty'])
})

const padded = (bytes: number) => `${order}${' '.repeat(bytes - order.length)}`
const ways = {
  'with its length': (body: string) => create(body),
  'in chunks': (body: string) => create(Readable.from(body.match(/.{1,5000}/gs) ?? [])),
}
for (const [way, post] of Object.entries(ways)) {
  test(`takes 64 KiB sent ${way}, and not a byte more`, async () => {
    assert.is((await post(padded(limit))).status, 201)
    for (const size of [limit + 1, 4 * limit, 2 * 1024 * 1024]) {
      const answer = await post(padded(size))
      assert.is(answer.status, 413)
      assert.is(problemType(answer), '/problems/too-large')
    }
  })
}

test('adds up the lines that name the same SKU', async () => {
  const { broker } = await opening
  const items = [line, { sku: 'green-tea', qty: 2 }, { ...line, qty: 10_000 }, { sku: 'green-tea', qty: 3 }]
  const order_id = idOf(await create(newOrder({ items })))
  const stored = await (await openWire(broker)).stored('EVENTS', 'events.order_created')
  const event = stored
    .map(({ body }) => body as { order_id: string; items: object[] })
    .find((body) => body.order_id === order_id)
  assert.equal(event?.items, [
    { sku: 'espresso-beans', qty: 10_001 },
    { sku: 'green-tea', qty: 5 },
  ])
})

test('what was refused left nothing behind, in the process or in the stream', async () => {
  const { app, broker, send } = await opening
  const stored = await (await openWire(broker)).stored('EVENTS', 'events.order_created')
  assert.is(
    stored.some(({ body }) => 'coupon' in (body as object) || 'admin' in (body as object)),
    false,
  )
  assert.is((await send('GET', '/api/v1/health')).text, 'OK')
  assert.equal(
    app.log().filter(({ level }) => level === 50 || level === 'error'),
    [],
  )
})

test.run()
