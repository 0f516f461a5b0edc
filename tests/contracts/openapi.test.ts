import * as assert from 'uvu/assert'
import type { contracts } from '../../functions/_contracts'
import { OrderId, Sku } from '../../functions/_fields'
import { Report } from '../../functions/delivery/_contract'
import { Shelf } from '../../functions/inventory/_contract'
import { Cancel, NewOrder } from '../../functions/order/_contract'
import { check } from '../../runtime/contracts'
import { isRejection } from '../../runtime/errors'
import type { Struct } from '../../runtime/types'
import { seeded } from '../support/random'
import { suite } from '../support/suite'
import audit from './audit'
import delivery from './delivery'
import { type Accepts, bodyOf, parameterOf, schemaOf } from './document'
import { example, type RequestFixture } from './fixture'
import { bodies } from './generated'
import inventory from './inventory'
import { orderId, sku } from './kinds'
import order from './order'

const test = suite('the contracts and the OpenAPI document')

const byTheSchema: { name: string; struct: Struct; schema: Accepts; make: (typeof bodies)['cancel'] }[] = [
  { name: 'NewOrder', struct: NewOrder, schema: schemaOf('NewOrder'), make: bodies.newOrder },
  { name: 'a cancel', struct: Cancel, schema: bodyOf('post', '/api/v1/orders/{order_id}/cancel'), make: bodies.cancel },
  { name: 'a shelf', struct: Shelf, schema: bodyOf('put', '/api/v1/inventory/{sku}'), make: bodies.shelf },
  {
    name: 'a courier’s report',
    struct: Report,
    schema: bodyOf('post', '/api/v1/deliveries/{order_id}/status'),
    make: bodies.report,
  },
]

const rounds = 5_000

for (const { name, struct, schema, make } of byTheSchema) {
  test(`accept and refuse alike, as ${name}, whatever is sent`, () => {
    seeded((random) => {
      const verdicts = { accepted: 0, refused: 0 }
      for (let round = 0; round < rounds; round++) {
        const body = make(random)
        const accepted = takes(struct, body)
        if (accepted !== schema(body)) {
          assert.unreachable(
            `the struct ${accepted ? 'takes' : 'refuses'} what the schema does not: ${JSON.stringify(body)}`,
          )
        }
        verdicts[accepted ? 'accepted' : 'refused']++
      }
      const { accepted, refused } = verdicts
      assert.ok(Math.min(accepted, refused) > rounds / 20, `of ${rounds}: ${accepted} accepted, ${refused} refused`)
    })
  })
}

for (const { name, struct, schema, kind } of [
  { name: 'OrderId', struct: OrderId, schema: parameterOf('OrderId'), kind: orderId },
  { name: 'Sku', struct: Sku, schema: parameterOf('Sku'), kind: sku },
]) {
  test(`accept and refuse alike as ${name}`, () => {
    for (const value of [...kind.right, ...kind.wrong.map(([, wrong]) => wrong), null]) {
      assert.is(takes(struct as Struct, value), schema(value), JSON.stringify(value))
    }
  })
}

const replies: [subject: keyof typeof contracts, fixture: RequestFixture, schema: string][] = [
  ['rpc.create_order', order['rpc.create_order'], 'OrderCreated'],
  ['rpc.get_order_status', order['rpc.get_order_status'], 'OrderStatus'],
  ['rpc.cancel_order', order['rpc.cancel_order'], 'OrderStatus'],
  ['rpc.check_inventory', inventory['rpc.check_inventory'], 'Stock'],
  ['rpc.set_inventory', inventory['rpc.set_inventory'], 'Stock'],
  ['rpc.update_delivery', delivery['rpc.update_delivery'], 'Delivery'],
  ['rpc.get_order_history', audit['rpc.get_order_history'], 'OrderHistory'],
  ['rpc.explain_order', audit['rpc.explain_order'], 'Explanation'],
]

for (const [subject, { reply }, schema] of replies) {
  test(`what ${subject} may reply is what the document promises as ${schema}`, () => {
    const accepts = schemaOf(schema)
    for (const [field, { right }] of Object.entries(reply.fields)) {
      for (const value of right) {
        const body = { ...example(reply), [field]: value }
        assert.ok(accepts(body), `${field}: ${JSON.stringify(value)}`)
      }
    }
  })
}

function takes(struct: Struct, value: unknown): boolean {
  try {
    check(struct, value)
    return true
  } catch (error) {
    if (isRejection(error)) return false
    throw error
  }
}

test.run()
