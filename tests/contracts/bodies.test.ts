import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import { check, messageContract, requestContract } from '../../runtime/contracts'
import { isRejection, type Rejection } from '../../runtime/errors'
import type { Struct } from '../../runtime/types'
import { suite } from '../support/suite'
import audit from './audit'
import delivery from './delivery'
import { example, type Fixtures, type Shape } from './fixture'
import inventory from './inventory'
import { without } from './kinds'
import notification from './notification'
import order from './order'
import payment from './payment'

const test = suite('the bodies of every subject')

const fixtures: Fixtures = { ...audit, ...delivery, ...inventory, ...notification, ...order, ...payment }

test('no subject lacks fixtures, and no fixture its subject', () => {
  assert.equal(Object.keys(fixtures).toSorted(), Object.keys(contracts).toSorted())
})

for (const [subject, fixture] of Object.entries(fixtures)) {
  if ('request' in fixture) {
    const { request, reply } = known(requestContract(contracts, subject), subject)
    promises(subject, request, fixture.request)
    strict(subject, request, fixture.request)
    promises(`the reply of ${subject}`, reply, fixture.reply)
    strict(`the reply of ${subject}`, reply, fixture.reply)
  } else {
    const { body, id } = known(messageContract(contracts, subject), subject)
    promises(subject, body, fixture)
    growing(subject, body, fixture)
    test(`${subject} is named ${fixture.id ?? 'by its cause'}`, () => {
      assert.is(id?.(example(fixture)), fixture.id)
      const { occurred_at: _, ...same } = example(fixture)
      assert.is(id?.({ ...same, occurred_at: '1999-12-31T23:59:59.999Z' }), fixture.id)
    })
  }
}

function known<T>(contract: T | undefined, subject: string): T {
  if (contract === undefined) throw new Error(`${subject} has another kind of contract than its fixture`)
  return contract
}

function promises(name: string, struct: Struct, shape: Shape): void {
  const body = example(shape)
  const optional = new Set(shape.optional)

  test(`${name} takes its example as it is`, () => {
    const given = structuredClone(body)
    assert.equal(check(struct, given), body)
    assert.equal(given, body)
  })

  test(`${name} knows the fields of the fixture and no others`, () => {
    const { schema } = struct as Struct & { schema?: object }
    assert.equal(Object.keys(schema ?? {}).toSorted(), Object.keys(shape.fields).toSorted())
  })

  test(`${name} is an object`, () => {
    for (const value of [null, undefined, 5, 'text', true, [], [body]]) {
      assert.ok(pointers(struct, value).includes('#'), `${JSON.stringify(value)} was taken`)
    }
  })

  for (const [field, { right, wrong }] of Object.entries(shape.fields)) {
    test(`${name} takes every right ${field}`, () => {
      for (const value of right) assert.equal(check(struct, { ...body, [field]: value }), { ...body, [field]: value })
    })

    test(`${name} refuses every wrong ${field}, and points at it`, () => {
      const cases = [...wrong, ['', null] as const]
      for (const [pointer, value] of cases) {
        const found = pointers(struct, { ...body, [field]: value })
        assert.ok(
          found.includes(`#/${field}${pointer}`),
          `${JSON.stringify(value)}: #/${field}${pointer} is not in [${found}]`,
        )
        assert.ok(
          found.every((one) => one.startsWith(`#/${field}`)),
          `${JSON.stringify(value)}: [${found}] blames others`,
        )
      }
    })

    test(`${name} ${optional.has(field) ? 'does without' : 'requires'} ${field}`, () => {
      if (optional.has(field)) return assert.equal(check(struct, without(body, field)), without(body, field))
      assert.equal(refusal(struct, without(body, field)).errors, [{ pointer: `#/${field}`, detail: 'is required' }])
    })
  }
}

const strangers = ['stranger', '', 'a/b', 'm~n']
const inherited = ['constructor', 'toString', '__proto__']

const withStranger = (body: object, stranger: string): object =>
  JSON.parse(
    `{${JSON.stringify(stranger)}:{"a":1}${Object.keys(body).length > 0 ? ',' : ''}${JSON.stringify(body).slice(1)}`,
  )

/** A request, or a reply, may hold nothing that its contract does not know. */
function strict(name: string, struct: Struct, shape: Shape): void {
  test(`${name} refuses a field that it does not know`, () => {
    for (const stranger of [...strangers, ...inherited]) {
      const token = stranger.replaceAll('~', '~0').replaceAll('/', '~1')
      const { errors } = refusal(struct, withStranger(example(shape), stranger))
      assert.equal(errors, [{ pointer: `#/${token}`, detail: 'is not a field of this message' }])
    }
  })

  if (shape.fields.items) {
    test(`${name} refuses it in a line too`, () => {
      const body = example(shape)
      const [line] = body.items as object[]
      assert.equal(pointers(struct, { ...body, items: [line, { ...line, stranger: 1 }] }), ['#/items/1/stranger'])
    })
  }
}

/** An event can grow: who does not know a field does not see it. */
function growing(name: string, struct: Struct, shape: Shape): void {
  test(`${name} drops a field that it does not know, from a copy`, () => {
    const body = example(shape)
    for (const stranger of strangers) {
      const given = withStranger(body, stranger)
      const before = structuredClone(given)
      assert.equal(check(struct, given, true), body, stranger)
      assert.equal(given, before)
    }
  })

  test(`${name} takes no more with an unknown field than without`, () => {
    for (const [field, { wrong }] of Object.entries(shape.fields)) {
      for (const [pointer, value] of wrong) {
        const found = refusal(struct, { ...example(shape), [field]: value, stranger: 1 }, true).errors
        assert.ok(
          found?.some((one) => one.pointer === `#/${field}${pointer}`),
          `${field}: ${JSON.stringify(value)}`,
        )
      }
    }
  })

  if (shape.fields.items) {
    test(`${name} drops it from a line too`, () => {
      const body = example(shape)
      const items = (body.items as object[]).map((line) => ({ ...line, stranger: 1 }))
      assert.equal(check(struct, { ...body, items }, true), body)
    })
  }
}

const pointers = (struct: Struct, value: unknown) => refusal(struct, value).errors?.map(({ pointer }) => pointer) ?? []

function refusal(struct: Struct, value: unknown, mask = false): Rejection {
  try {
    check(struct, value, mask)
  } catch (error) {
    if (isRejection(error) && error.code === 400) return error
    throw error
  }
  return assert.unreachable(`${JSON.stringify(value)} was taken`) as never
}

const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

for (const [what, value] of Object.entries<unknown>({
  'an object whose text is none': { toString: 1, valueOf: 1 },
  'a list nested without end': nested(30_000),
})) {
  test(`${what} is refused in any field, as it is in the place of the body`, () => {
    const { request } = known(requestContract(contracts, 'rpc.create_order'), 'rpc.create_order')
    const body = example(order['rpc.create_order'].request)
    for (const field of [...Object.keys(body), 'stranger'])
      assert.is(refusal(request, { ...body, [field]: value }).code, 400)
    assert.is(refusal(request, value).code, 400)
    assert.is(refusal(request, { ...body, items: [{ sku: value, qty: 1 }] }).code, 400)
  })
}

test('a refusal lists every field at fault once, at most twenty, and repeats none of their values', () => {
  const { request } = known(requestContract(contracts, 'rpc.create_order'), 'rpc.create_order')
  const secret = '4111-1111'.repeat(200)
  const { errors = [], message } = refusal(request, { user_id: '', address: secret, payment_method: secret })
  assert.equal(
    errors.map(({ pointer }) => pointer),
    ['#/user_id', '#/items', '#/address', '#/payment_method'],
  )
  assert.not.match(message, '4111')
  const items = Array.from({ length: 100 }, () => ({ sku: '', qty: 0 }))
  assert.is(refusal(request, { ...example(order['rpc.create_order'].request), items }).errors?.length, 20)
})

test.run()
