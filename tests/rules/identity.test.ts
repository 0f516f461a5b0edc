import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { OrderId } from '../../functions/_fields'
import { orderId, requestHash } from '../../functions/order/_identity'
import { suite } from '../support/suite'

const test = suite('identity of an order')

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

const request = {
  user_id: 'u-1',
  items: [
    { sku: 'moka-pot', qty: 1 },
    { sku: 'cup-set', qty: 2 },
  ],
  address: '1 Main Street',
  payment_method: 'card',
}

test('the hash of a request is the SHA-256 of its canonical JSON', () => {
  const text =
    '{"address":"1 Main Street","items":[{"qty":1,"sku":"moka-pot"},{"qty":2,"sku":"cup-set"}],"payment_method":"card","user_id":"u-1"}'
  assert.is(requestHash(request), createHash('sha256').update(text).digest('hex'))
})

test('the hash ignores the order of keys, on every level', () => {
  const turned = {
    payment_method: 'card',
    address: '1 Main Street',
    items: [
      { qty: 1, sku: 'moka-pot' },
      { qty: 2, sku: 'cup-set' },
    ],
    user_id: 'u-1',
  }
  assert.is(requestHash(turned), requestHash(request))
  assert.is(requestHash(JSON.parse('{"a":1.0,"b":1e2}')), requestHash({ b: 100, a: 1 }))
})

test('the canonical JSON escapes keys and texts, and writes numbers, as JSON does', () => {
  const odd = { 'ü"\\\n': ['\ud800', '😀', 1e21, -0, 0.1, null, true, [], {}], __proto: {}, a: 'x' }
  const text = '{"__proto":{},"a":"x","ü\\"\\\\\\n":["\\ud800","😀",1e+21,0,0.1,null,true,[],{}]}'
  assert.is(requestHash(odd), createHash('sha256').update(text).digest('hex'))
})

test('the hash tells apart every other difference', () => {
  const [first, second] = request.items
  const others: object[] = [
    { ...request, user_id: 'u-2' },
    { ...request, address: '1 Main Street ' },
    { ...request, items: [second, first] },
    { ...request, items: [first, first, second] },
    { ...request, items: [{ ...first, qty: 2 }, second] },
    { ...request, note: null },
  ]
  assert.is(new Set([request, ...others].map(requestHash)).size, others.length + 1)
})

test.run()
