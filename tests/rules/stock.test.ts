import * as assert from 'uvu/assert'
import type { Decision } from '../../functions/inventory/_contract'
import { eventsOf, release, reserve, ship, stock, stockOf } from '../../functions/inventory/_stock'
import { suite } from '../support/suite'
import { StockLedger } from './stock_table'

const test = suite('the rules of the stock')

const at = '2026-01-30T12:00:01.000Z'
const later = '2026-01-30T12:00:09.000Z'
const who = { order_id: 'ABCDEFGHJKMNPQRSTVWXYZ0123', user_id: 'u-1' }
const other = { order_id: 'ABCDEFGHJKMNPQRSTVWXYZ0124', user_id: 'u-2' }
const lines = (items: Record<string, number>) => Object.entries(items).map(([sku, qty]) => ({ sku, qty }))
const wanted = (items: Record<string, number>, order = who) => ({ ...order, items: lines(items) })

/** Two of a and one of b are held for the order; ten of each are on the shelf. */
function held(): StockLedger {
  const ledger = new StockLedger({ a: 10, b: 10 })
  ledger.append(reserve(ledger.table, wanted({ a: 2, b: 1 }), 'USD', at))
  return ledger
}

test('an order is reserved at the prices of the shelf, and its amount is their sum', () => {
  const ledger = new StockLedger()
  ledger.adjust('a', 10, { unit_price: 250 })
  ledger.adjust('b', 10, { unit_price: 0 })
  ledger.adjust('c', 3, { unit_price: 99 })
  assert.equal(reserve(ledger.table, wanted({ a: 2, b: 10, c: 3 }), 'EUR', at), {
    kind: 'reserve',
    ...who,
    at,
    items: [
      { sku: 'a', qty: 2, unit_price: 250 },
      { sku: 'b', qty: 10, unit_price: 0 },
      { sku: 'c', qty: 3, unit_price: 99 },
    ],
    amount: 797,
    currency: 'EUR',
  })
})

test('the largest order at the highest price is still counted exactly', () => {
  const ledger = new StockLedger()
  ledger.adjust('a', 1_000_000_000, { unit_price: 100_000_000 })
  const decision = reserve(ledger.table, wanted({ a: 1_000_000 }), 'USD', at)
  assert.is(decision?.kind === 'reserve' && decision.amount, 100_000_000_000_000)
})

const refusals: { order: Record<string, number>; reason: string; sku: string }[] = [
  { order: { a: 11 }, reason: 'out_of_stock', sku: 'a' },
  { order: { a: 10, b: 11 }, reason: 'out_of_stock', sku: 'b' },
  { order: { a: 11, b: 11 }, reason: 'out_of_stock', sku: 'a' },
  { order: { empty: 1 }, reason: 'out_of_stock', sku: 'empty' },
  { order: { nowhere: 1 }, reason: 'unknown_sku', sku: 'nowhere' },
  { order: { a: 11, nowhere: 1 }, reason: 'unknown_sku', sku: 'nowhere' },
  { order: { a: 1, nowhere: 1, neither: 1 }, reason: 'unknown_sku', sku: 'nowhere' },
]

for (const { order, reason, sku } of refusals) {
  test(`${JSON.stringify(order)} of ten a, ten b and no empty is rejected: ${reason} of ${sku}`, () => {
    const ledger = new StockLedger({ a: 10, b: 10, empty: 0 })
    const decision = ledger.append(reserve(ledger.table, wanted(order), 'USD', at))
    assert.equal(decision, { kind: 'reject', ...who, at, reason, sku })
    assert.equal(
      ['a', 'b', 'empty'].map((kind) => ledger.shelf(kind)),
      ['10/0', '10/0', '0/0'],
    )
  })
}

test('the last piece is sold once', () => {
  const ledger = new StockLedger({ a: 1 })
  assert.is(ledger.append(reserve(ledger.table, wanted({ a: 1 }), 'USD', at))?.kind, 'reserve')
  assert.is(ledger.append(reserve(ledger.table, wanted({ a: 1 }, other), 'USD', at))?.kind, 'reject')
  assert.is(ledger.shelf('a'), '1/1')
})

test('holding moves reserved, giving back undoes it, shipping takes the pieces off the shelf', () => {
  const ledger = held()
  assert.equal([ledger.shelf('a'), ledger.shelf('b')], ['10/2', '10/1'])
  const released = held()
  released.append(release(released.table, who, later))
  assert.equal([released.shelf('a'), released.shelf('b')], ['10/0', '10/0'])
  ledger.append(ship(ledger.table, who, later))
  assert.equal([ledger.shelf('a'), ledger.shelf('b')], ['8/0', '9/0'])
})

type Step = 'reserve' | 'reject' | 'release' | 'ship'

const steps: Record<Step, (ledger: StockLedger) => Decision | undefined> = {
  reserve: ({ table }) => reserve(table, wanted({ a: 2, b: 1 }), 'USD', later),
  reject: ({ table }) => reserve(table, wanted({ a: 99 }), 'USD', later),
  release: ({ table }) => release(table, who, later),
  ship: ({ table }) => ship(table, who, later),
}

/** What each step decides after each history of the order; - is nothing. */
const decided: { after: Step[]; reserve: string; reject: string; release: string; ship: string }[] = [
  { after: [], reserve: 'reserve', reject: 'reject', release: 'block', ship: '-' },
  { after: ['reserve'], reserve: '-', reject: '-', release: 'release', ship: 'ship' },
  { after: ['reject'], reserve: '-', reject: '-', release: '-', ship: '-' },
  { after: ['release'], reserve: '-', reject: '-', release: '-', ship: '-' },
  { after: ['reserve', 'release'], reserve: '-', reject: '-', release: '-', ship: '-' },
  { after: ['reserve', 'ship'], reserve: '-', reject: '-', release: '-', ship: '-' },
]

for (const { after, ...row } of decided) {
  for (const step of ['reserve', 'reject', 'release', 'ship'] as const) {
    test(`after ${after.join(' and ') || 'nothing'} a ${step} decides ${row[step]}`, () => {
      const ledger = new StockLedger({ a: 10, b: 10 })
      for (const earlier of after) ledger.append(steps[earlier](ledger))
      const decision = steps[step](ledger)
      assert.is(decision?.kind ?? '-', row[step])
    })
  }
}

test('what is given back and what is shipped is what was held, less the prices', () => {
  const ledger = held()
  const items = lines({ a: 2, b: 1 })
  assert.equal(release(ledger.table, who, later), { kind: 'release', ...who, at: later, items })
  assert.equal(ship(ledger.table, who, later), { kind: 'ship', ...who, at: later, items })
  assert.equal(release(ledger.table, other, later), { kind: 'block', order_id: other.order_id })
})

test('one order says nothing of another', () => {
  const ledger = held()
  assert.is(ledger.append(reserve(ledger.table, wanted({ a: 8 }, other), 'USD', later))?.kind, 'reserve')
  ledger.append(release(ledger.table, other, later))
  assert.is(ledger.shelf('a'), '10/2')
  assert.is(eventsOf(ledger.table, who.order_id).released, undefined)
})

test('the events say what was decided, each with its time and its place in the ledger', () => {
  const ledger = held()
  const priced = [
    { sku: 'a', qty: 2, unit_price: 100 },
    { sku: 'b', qty: 1, unit_price: 100 },
  ]
  const told = { ...who, occurred_at: at, items: priced, amount: 300, currency: 'USD', ledger_seq: 3 }
  assert.equal(eventsOf(ledger.table, who.order_id).reserved, told)
  ledger.append(ship(ledger.table, who, later))
  assert.equal(eventsOf(ledger.table, who.order_id), {
    reserved: told,
    rejected: undefined,
    released: undefined,
    shipped: { ...who, occurred_at: later, items: lines({ a: 2, b: 1 }), ledger_seq: 4 },
  })
})

test('a rejection and a release are told in the same manner', () => {
  const ledger = held()
  ledger.append(release(ledger.table, who, later))
  ledger.append(reserve(ledger.table, wanted({ a: 99 }, other), 'USD', later))
  const items = lines({ a: 2, b: 1 })
  assert.equal(eventsOf(ledger.table, who.order_id).released, { ...who, occurred_at: later, items, ledger_seq: 4 })
  const rejected = { ...other, occurred_at: later, reason: 'out_of_stock', sku: 'a' }
  assert.equal(eventsOf(ledger.table, other.order_id).rejected, rejected)
})

test('the events are the same at every repeat, whatever happened since', () => {
  const ledger = held()
  const { reserved } = eventsOf(ledger.table, who.order_id)
  ledger.append(reserve(ledger.table, wanted({ a: 5 }), 'EUR', later))
  ledger.adjust('a', 50, { unit_price: 7 })
  ledger.append(ship(ledger.table, who, later))
  assert.equal(eventsOf(ledger.table, who.order_id).reserved, reserved)
})

test('an order that is only blocked, or unheard of, has no event', () => {
  const ledger = new StockLedger()
  ledger.append(release(ledger.table, who, later))
  const nothing = { reserved: undefined, rejected: undefined, released: undefined, shipped: undefined }
  assert.equal(eventsOf(ledger.table, who.order_id), nothing)
  assert.equal(eventsOf(ledger.table, other.order_id), nothing)
})

test('an adjustment counts the shelf anew and leaves what is held', () => {
  const ledger = held()
  ledger.adjust('a', 2, { unit_price: 5, name: 'A' })
  assert.equal(stockOf(ledger.table, 'a', 'USD'), {
    sku: 'a',
    name: 'A',
    unit_price: 5,
    currency: 'USD',
    on_hand: 2,
    reserved: 2,
    available: 0,
  })
  assert.is(ledger.append(reserve(ledger.table, wanted({ a: 1 }, other), 'USD', later))?.kind, 'reject')
})

test('an adjustment brings a SKU that was unknown', () => {
  const ledger = new StockLedger()
  assert.is(stockOf(ledger.table, 'a', 'USD'), undefined)
  ledger.adjust('a', 3)
  assert.is(ledger.append(reserve(ledger.table, wanted({ a: 3 }), 'USD', at))?.kind, 'reserve')
})

test('a SKU named like an order, or the reverse, is no other thing', () => {
  const ledger = new StockLedger({ [who.order_id]: 1 })
  assert.is(reserve(ledger.table, wanted({ [who.order_id]: 1 }), 'USD', at)?.kind, 'reserve')
})

test('a ledger that moves what never was on the shelf is not folded', () => {
  const decision: Decision = { kind: 'ship', ...who, at, items: lines({ ghost: 1 }) }
  assert.throws(() => stock.fold(new StockLedger().table, decision, 1), /moves ghost, which was never on the shelf/)
})

test('deciding changes nothing; folding alone does', () => {
  const ledger = held()
  const before = JSON.stringify(ledger.dump())
  for (const step of Object.values(steps)) step(ledger)
  eventsOf(ledger.table, who.order_id)
  stockOf(ledger.table, 'a', 'USD')
  assert.is(JSON.stringify(ledger.dump()), before)
})

test.run()
