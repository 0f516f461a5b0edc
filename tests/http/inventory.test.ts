import * as assert from 'uvu/assert'
import { pointers, problemType } from '../support/http_client'
import { openShop } from '../support/shop'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('/api/v1/inventory/{sku}')
const opening = openShop()
const get = async (sku: string) => (await opening).send('GET', `/api/v1/inventory/${sku}`)
const put = async (sku: string, body: unknown) => (await opening).send('PUT', `/api/v1/inventory/${sku}`, { body })

test('shows the goods of the catalogue', async () => {
  assert.equal((await get('espresso-machine')).body, {
    sku: 'espresso-machine',
    name: 'Espresso machine',
    unit_price: 89_900,
    currency: 'USD',
    on_hand: 5,
    reserved: 0,
    available: 5,
  })
})

test('a new SKU costs 1000 unless told, and keeps what is not told again', async () => {
  const fresh = { sku: 'fresh', unit_price: 1_000, currency: 'USD', on_hand: 7, reserved: 0, available: 7 }
  assert.equal((await put('fresh', { on_hand: 7 })).body, fresh)
  assert.equal((await get('fresh')).body, fresh)
  const named = { ...fresh, unit_price: 5, name: 'Fresh' }
  assert.equal((await put('fresh', { on_hand: 7, unit_price: 5, name: 'Fresh' })).body, named)
  assert.equal((await put('fresh', { on_hand: 8 })).body, { ...named, on_hand: 8, available: 8 })
  assert.equal((await get('fresh')).body, { ...named, on_hand: 8, available: 8 })
})

const taken: Record<string, object> = {
  'nothing on the shelf, for nothing': { on_hand: 0, unit_price: 0 },
  'the most there can be': { on_hand: 1_000_000_000, unit_price: 100_000_000, name: '😀'.repeat(200) },
  'a name of one character': { on_hand: 1, name: 'x' },
}
for (const [what, shelf] of Object.entries(taken)) {
  test(`takes ${what}`, async () => {
    const answer = await put(`taken-${Object.keys(taken).indexOf(what)}`, shelf)
    assert.is(answer.status, 200)
    assert.equal({ ...(answer.body as object), ...shelf }, answer.body)
  })
}

const refused: [what: string, body: unknown, pointers: string[]][] = [
  ['nothing', {}, ['#/on_hand']],
  ['fewer than none', { on_hand: -1 }, ['#/on_hand']],
  ['more than there can be', { on_hand: 1_000_000_001 }, ['#/on_hand']],
  ['half a piece', { on_hand: 0.5 }, ['#/on_hand']],
  ['text for a number', { on_hand: '1' }, ['#/on_hand']],
  ['a negative price', { on_hand: 1, unit_price: -1 }, ['#/unit_price']],
  ['too high a price', { on_hand: 1, unit_price: 100_000_001 }, ['#/unit_price']],
  ['an empty name', { on_hand: 1, name: '' }, ['#/name']],
  ['too long a name', { on_hand: 1, name: 'n'.repeat(201) }, ['#/name']],
  ['another SKU', { on_hand: 1, sku: 'other' }, ['#/sku']],
  ['what is reserved', { on_hand: 1, reserved: 0, available: 1 }, ['#/available', '#/reserved']],
  ['no body', '', ['#']],
  ['a list', '[1]', ['#', '#/0', '#/on_hand']],
]
for (const [what, body, expected] of refused) {
  test(`refuses ${what}`, async () => {
    const answer = await put('refused', body)
    assert.is(answer.status, 400)
    assert.equal(pointers(answer), expected)
    assert.is((await get('refused')).status, 404)
  })
}

const noSkus = ['-x', '_x', 'a%20b', 'a%2Fb', 'a.b', '%zz', 'x%00', 'x%0A', '%C3%BC', '*', '%3E', 's'.repeat(65)]
for (const sku of noSkus) {
  test(`${sku.slice(0, 10)} is no SKU`, async () => {
    for (const answer of [await get(sku), await put(sku, { on_hand: 1 })]) {
      assert.is(answer.status, 400)
      assert.equal(pointers(answer), ['#/sku'])
    }
  })
}

test('a SKU that is not there is a 404, whatever objects inherit', async () => {
  for (const sku of ['nothing', 'constructor', 'toString', 's'.repeat(64)]) {
    const answer = await get(sku)
    assert.is(answer.status, 404)
    assert.is(problemType(answer), '/problems/not-found')
  }
})

test('what is held for orders is reserved and cannot be counted away', async () => {
  const { order, reaches, send } = await opening
  await put('held', { on_hand: 10 })
  const id = await order({ items: [{ sku: 'held', qty: 4 }] })
  await reaches(id, 'assigned')
  const { on_hand, reserved, available } = (await get('held')).body as Record<string, number>
  assert.equal([on_hand, reserved, available], [10, 4, 6])
  const refused = await put('held', { on_hand: 3 })
  assert.is(refused.status, 409)
  assert.is(problemType(refused), '/problems/not-allowed-now')
  assert.is(((await put('held', { on_hand: 4 })).body as { available: number }).available, 0)
  await send('POST', `/api/v1/deliveries/${id}/status`, { body: { status: 'picked_up' } })
  await eventually('the goods to leave', async () => {
    const { on_hand, reserved } = (await get('held')).body as Record<string, number>
    return on_hand === 0 && reserved === 0
  })
})

test('every adjustment is told once, in the words of the ledger, and a refused one is not', async () => {
  await put('told', { on_hand: 1 })
  await put('told', { on_hand: 2, unit_price: 3, name: 'Told' })
  await put('told', { on_hand: -1 })
  const wire = await openWire((await opening).broker)
  const told = await eventually('both adjustments to be told', async () => {
    const all = await wire.stored('EVENTS', 'events.inventory_adjusted')
    const found = all.map(({ body }) => body as Record<string, unknown>).filter(({ sku }) => sku === 'told')
    return found.length >= 2 ? found : undefined
  })
  const said = told.map(({ on_hand, unit_price, name }) => ({ on_hand, unit_price, name }))
  assert.equal(said, [
    { on_hand: 1, unit_price: 1_000, name: undefined },
    { on_hand: 2, unit_price: 3, name: 'Told' },
  ])
})

test.run()
