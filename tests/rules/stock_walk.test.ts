import * as assert from 'uvu/assert'
import { Decision } from '../../functions/inventory/_contract'
import { eventsOf, release, reserve, ship, stockOf } from '../../functions/inventory/_stock'
import { type Random, seeded } from '../support/random'
import { suite } from '../support/suite'
import { StockLedger } from './stock_table'

const test = suite('a random walk through the stock')

const skus = ['a', 'b', 'c', 'd', 'e']
const steps = 20_000
const at = '2026-01-30T12:00:00.000Z'

/** What the laws allow, counted from the decisions alone and in another way than the fold. */
class Books {
  readonly onHand = new Map<string, number>()
  readonly holds = new Map<string, Map<string, number>>()

  enter(decision: Decision): void {
    if (decision.kind === 'adjust') this.onHand.set(decision.sku, decision.on_hand)
    if (decision.kind === 'reserve') {
      this.holds.set(decision.order_id, new Map(decision.items.map(({ sku, qty }) => [sku, qty])))
    }
    if (decision.kind === 'ship') {
      for (const [sku, qty] of this.holds.get(decision.order_id) ?? []) {
        this.onHand.set(sku, (this.onHand.get(sku) ?? 0) - qty)
      }
    }
    if (decision.kind === 'ship' || decision.kind === 'release') {
      assert.ok(this.holds.delete(decision.order_id), `${decision.order_id} had no open hold to ${decision.kind}`)
    }
  }

  reserved(sku: string): number {
    return [...this.holds.values()].reduce((sum, items) => sum + (items.get(sku) ?? 0), 0)
  }
}

test('keeps its laws after every decision, and folds to the same table again', () => {
  seeded((random) => {
    const ledger = new StockLedger({ a: 3, b: 10, c: 100 })
    const books = new Books()
    for (const decision of ledger.decisions) books.enter(decision)
    const told = new Map<string, string>()
    const kinds = new Map<string, number>()

    for (let step = 0; step < steps; step++) {
      const order = { order_id: `order-${random.whole(0, step / 4)}`, user_id: 'u' }
      const decision = ledger.append(choose(random, ledger, order))
      kinds.set(decision?.kind ?? 'nothing', (kinds.get(decision?.kind ?? 'nothing') ?? 0) + 1)
      if (decision) {
        books.enter(decision)
        for (const sku of skus) hold(sku, ledger, books)
      }
      repeats(order.order_id, ledger, told)
    }
    const expected = ['adjust', 'block', 'nothing', 'reject', 'release', 'reserve', 'ship']
    assert.equal([...kinds.keys()].toSorted(), expected, 'the walk decided too little to mean anything')

    const again = new StockLedger()
    for (const decision of ledger.decisions) again.append(decision)
    assert.equal(again.dump(), ledger.dump())
  })
})

function choose(random: Random, { table }: StockLedger, order: { order_id: string; user_id: string }) {
  switch (random.one(['reserve', 'reserve', 'reserve', 'reserve', 'release', 'ship', 'ship', 'adjust'])) {
    case 'reserve': {
      const some = skus.filter(() => random.chance(0.4))
      const items = (some.length > 0 ? some : ['a']).map((sku) => ({ sku, qty: random.whole(1, 4) }))
      return reserve(table, { ...order, items }, 'USD', at)
    }
    case 'release':
      return release(table, order, at)
    case 'ship':
      return ship(table, order, at)
    default: {
      const sku = random.one(random.chance(0.05) ? skus : ['a', 'b', 'c'])
      const reserved = stockOf(table, sku, 'USD')?.reserved ?? 0
      return {
        kind: 'adjust',
        sku,
        on_hand: reserved + random.whole(0, 20),
        unit_price: random.whole(0, 999),
        at,
      } as const
    }
  }
}

function hold(sku: string, { table, decisions }: StockLedger, books: Books): void {
  const found = stockOf(table, sku, 'USD')
  assert.is(found === undefined, books.onHand.get(sku) === undefined)
  if (!found) return
  const law = (holds: boolean, words: string) =>
    holds || assert.unreachable(`decision ${decisions.length} breaks a law: ${words} (${JSON.stringify(found)})`)
  law(found.available >= 0, 'available is never below zero')
  law(found.available === found.on_hand - found.reserved, 'available is on hand less reserved')
  law(found.reserved === books.reserved(sku), 'reserved is the sum of the open holds')
  law(found.on_hand === books.onHand.get(sku), 'on hand moves by shipping and adjusting alone')
}

/** What was once told of an order is told so for good. */
function repeats(order_id: string, { table }: StockLedger, told: Map<string, string>): void {
  for (const [what, event] of Object.entries(eventsOf(table, order_id))) {
    if (!event) continue
    const text = JSON.stringify(event)
    assert.is(told.get(`${what} ${order_id}`) ?? text, text)
    told.set(`${what} ${order_id}`, text)
  }
}

test('a decision of the walk is one that the ledger may hold', () => {
  seeded((random) => {
    const ledger = new StockLedger({ a: 3, b: 10, c: 100 })
    for (let step = 0; step < 500; step++) {
      const order = { order_id: `ABCDEFGHJKMNPQRSTVWXYZ${String(random.whole(1_000, 1_200))}`, user_id: 'u' }
      ledger.append(choose(random, ledger, order))
    }
    for (const decision of ledger.decisions) assert.ok(Decision.is(decision), JSON.stringify(decision))
  })
})

test.run()
