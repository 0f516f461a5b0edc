import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { OrderId } from '../../functions/_fields'
import { NewOrder } from '../../functions/order/_contract'
import { orderId, requestHash } from '../../functions/order/_identity'
import { suite } from '../support/suite'

const test = suite('identity of an order')

type Line = NewOrder['items'][number]

const users = ['u-1', '', '"', '\\', 'ü', '日本', '😀', '\n', 'a","b', '\ud800']
const keys = ['k-1', '', '!', '~'.repeat(255), '",', ']']

/** The definition itself: the digest's first 130 bits as 26 digits of base 32. */
function byDefinition(user: string, key: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([user, key]))
    .digest('hex')
  let number = BigInt(`0x${digest}`) >> 126n
  let id = ''
  for (let digit = 0; digit < 26; digit++) {
    id = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.charAt(Number(number % 32n)) + id
    number /= 32n
  }
  return id
}

/** Worked out by another program. */
const vectors = [
  ['u-1', 'k-1', 'DEHPJ09A38S25N0VJ8C13PDF86'],
  ['u-2', 'k-1', 'RKW92H71JHVPN59JM8D3A494MV'],
  ['ü', 'x', 'B3KAGABJT6ZTZCNMRZWKKQJXDB'],
  ['', '!', 'QZ0KQHQQB31M9VYJ820GBQ0WZC'],
] as const

for (const [user, key, id] of vectors) {
  test(`${user} and ${key} make ${id}`, () => assert.is(orderId(user, key), id))
}

test('it is the Crockford base32 of the digest of user and key, whatever they hold', () => {
  for (const user of users) for (const key of keys) assert.is(orderId(user, key), byDefinition(user, key))
  for (let count = 0; count < 1_000; count++) assert.is(orderId(`u-${count}`, 'key'), byDefinition(`u-${count}`, 'key'))
})

test('no two of users and keys share an order', () => {
  const ids = users.flatMap((user) => keys.map((key) => orderId(user, key)))
  assert.is(new Set(ids).size, users.length * keys.length)
  assert.is.not(orderId('a', 'bc'), orderId('ab', 'c'))
  assert.is.not(orderId('a', 'b'), orderId('b', 'a'))
})

test('every one is an order id of the contract', () => {
  for (const user of users) assert.ok(OrderId.is(orderId(user, 'k')))
})

const request: NewOrder = {
  user_id: 'u-1',
  items: [
    { sku: 'moka-pot', qty: 1 },
    { sku: 'cup-set', qty: 2 },
  ],
  address: '1 Main Street',
  payment_method: 'card',
}

/** The definition itself: no blanks, and on every level the keys in order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join()}}`
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

test('the hash of a request is the SHA-256 of its canonical JSON', () => {
  const text =
    '{"address":"1 Main Street","items":[{"qty":1,"sku":"moka-pot"},{"qty":2,"sku":"cup-set"}],"payment_method":"card","user_id":"u-1"}'
  assert.is(requestHash(request), hashOf(text))
  assert.is(canonical(request), text)
})

test('so it is of whatever the contract lets in, with its keys in any order', () => {
  for (const user_id of ['u', 'ü', '日本', '😀', '"', '\\', '/', "'"]) {
    for (const address of [...users.filter(Boolean), 'x'.repeat(500), '<&>', '\u2028', '\u0000']) {
      const lines = [{ qty: 10_000, sku: 'cup-set' }, ...request.items]
      const order: NewOrder = { payment_method: 'card', items: lines, address, user_id }
      assert.is(requestHash(order), hashOf(canonical(order)), JSON.stringify(order))
    }
  }
})

test('the hash ignores the order of keys, on every level', () => {
  const turned: NewOrder = {
    payment_method: 'card',
    address: '1 Main Street',
    items: [
      { qty: 1, sku: 'moka-pot' },
      { qty: 2, sku: 'cup-set' },
    ],
    user_id: 'u-1',
  }
  assert.is(requestHash(turned), requestHash(request))
})

test('it takes in every field of the contract', () => {
  assert.equal(Object.keys(NewOrder.schema).sort(), Object.keys(request).sort())
})

test('the hash tells apart every other difference', () => {
  const [first, second] = request.items as [Line, Line]
  const others: NewOrder[] = [
    { ...request, user_id: 'u-2' },
    { ...request, address: '1 Main Street ' },
    { ...request, items: [second, first] },
    { ...request, items: [first, first, second] },
    { ...request, items: [{ ...first, qty: 2 }, second] },
    { ...request, items: [{ ...first, sku: 'cup-set' }, second] },
  ]
  assert.is(new Set([request, ...others].map(requestHash)).size, others.length + 1)
})

test.run()
