import * as assert from 'uvu/assert'
import { apply, type Order, type OrderEvent } from '../../functions/order/_machine'
import { canonical } from '../support/json'
import { suite } from '../support/suite'
import { event } from './order_events'

const test = suite('an order from its events, in whatever order they come')

const system = (reason: string, dispatched = false) => ({ reason, by: 'system', dispatched })
const reserved = [event('order_created', 0), event('inventory_reserved', 1)]
const paid = [...reserved, event('payment_captured', 2)]
const assigned = [...paid, event('delivery_assigned', 3)]
const pickedUp = [...assigned, event('delivery_picked_up', 4)]

/** What the stream may hold of one order, in its order. */
const histories: Record<string, OrderEvent[]> = {
  delivered: [...pickedUp, event('inventory_shipped', 5), event('delivery_completed', 6)],
  'out of stock': [
    event('order_created', 0),
    event('inventory_rejected', 1),
    event('order_cancelled', 2, system('out_of_stock')),
  ],
  'payment declined': [
    ...reserved,
    event('payment_declined', 2),
    event('order_cancelled', 3, system('payment_declined')),
    event('inventory_released', 4),
  ],
  'no courier': [
    ...paid,
    event('delivery_failed', 3, { reason: 'no_courier', picked_up: false }),
    event('order_cancelled', 4, system('no_courier')),
    event('inventory_released', 5),
    event('payment_refunded', 6),
  ],
  'failed on the way': [
    ...pickedUp,
    event('delivery_failed', 5),
    event('order_cancelled', 6, system('delivery_failed', true)),
  ],
  'cancelled while it is charged': [
    ...reserved,
    event('order_cancel_requested', 2),
    event('order_cancelled', 3),
    event('payment_captured', 4),
    event('inventory_released', 5),
    event('payment_refunded', 6),
  ],
  'cancelled with a courier on the way to it': [
    ...assigned,
    event('order_cancel_requested', 5),
    event('order_cancelled', 6),
  ],
  'a cancel that the pick-up overtook': [
    ...assigned,
    event('order_cancel_requested', 4),
    event('delivery_picked_up', 5),
    event('delivery_completed', 6),
  ],
  'clocks that disagree': [
    event('order_created', 30),
    event('inventory_reserved', 10),
    event('payment_captured', 50),
    event('delivery_assigned', 20),
    event('delivery_picked_up', 15),
  ],
}

const recordOf = (events: OrderEvent[], known?: Order) =>
  events.reduce<Order | undefined>((order, next) => apply(order, next), known)

for (const [name, history] of Object.entries(histories)) {
  const same = sameAs(recordOf(history))

  test(`${name}: every permutation gives the record that the stream gives`, () => {
    forEachPermutation(history, same)
  })

  test(`${name}: so does every permutation with one of its events twice`, () => {
    for (const twice of history) forEachPermutation([...history, twice], same)
  })

  test(`${name}: so does the whole history again, forwards and backwards`, () => {
    forEachPermutation(history, (known, events) => {
      same(recordOf(history, known), [...events, ...history])
      same(recordOf(history.toReversed(), known), [...events, ...history.toReversed()])
    })
  })
}

type Visit = (known: Order | undefined, events: OrderEvent[]) => void

function sameAs(record: Order | undefined): Visit {
  const wanted = canonical(record)
  const right = new Set<string>()
  return (known, events) => {
    const text = JSON.stringify(known)
    if (right.has(text)) return
    assert.is(canonical(known), wanted, events.map(({ subject }) => subject).join(', '))
    right.add(text)
  }
}

/** All distinct orders of the events with the record that each gives; equal ones are not exchanged. */
function forEachPermutation(items: OrderEvent[], visit: Visit): void {
  const kinds = [...new Set(items)].map((item) => ({ item, left: items.filter((one) => one === item).length }))
  const permutation: OrderEvent[] = []
  const extend = (known: Order | undefined) => {
    if (permutation.length === items.length) return visit(known, permutation)
    for (const kind of kinds) {
      if (kind.left === 0) continue
      kind.left--
      permutation.push(kind.item)
      extend(apply(known, kind.item))
      permutation.pop()
      kind.left++
    }
  }
  extend(undefined)
}

test('no permutation is left out', () => {
  const [one, other, third] = histories.delivered as [OrderEvent, OrderEvent, OrderEvent]
  for (const [events, count] of [
    [[], 1],
    [[one, other, third], 6],
    [[one, other, other], 3],
    [histories.delivered, 5_040],
  ] as const) {
    const seen = new Set<string>()
    forEachPermutation([...(events ?? [])], (_, permutation) =>
      seen.add(permutation.map(({ subject }) => subject).join()),
    )
    assert.is(seen.size, count)
  }
})

test.run()
