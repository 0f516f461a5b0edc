import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import {
  apply,
  cancelByPerson,
  cancelBySystem,
  cancelledEvent,
  dispatch,
  type Order,
  statusOf,
  unseen,
} from '../../functions/order/_machine'
import { suite } from '../support/suite'
import { at, event, order } from './order_events'

const test = suite('the order machine')

const path = ['order_created', 'inventory_reserved', 'payment_captured', 'delivery_assigned', 'delivery_completed']
const follow = (types: string[]) =>
  types.reduce<Order | undefined>((known, type, second) => apply(known, event(type, second)), undefined)

/** An order in each status, brought there by its events, the nth in its nth second. */
const ordersBy: Record<string, Order | undefined> = {
  unseen: undefined,
  created: follow(path.slice(0, 1)),
  reserved: follow(path.slice(0, 2)),
  paid: follow(path.slice(0, 3)),
  assigned: follow(path.slice(0, 4)),
  delivered: follow(path),
  cancelled: follow(['order_created', 'order_cancelled']),
}
const seen = Object.entries(ordersBy).filter((entry): entry is [string, Order] => entry[1] !== undefined)
const inStatus = (status: string) => ordersBy[status] as Order

const before = ['unseen', 'created', 'reserved', 'paid', 'assigned', 'delivered', 'cancelled']
const statusAfter: Record<string, string> = {
  // before:               unseen    created   reserved  paid      assigned  delivered cancelled
  order_created: '         created   created   reserved  paid      assigned  delivered cancelled',
  inventory_reserved: '    reserved  reserved  reserved  paid      assigned  delivered cancelled',
  inventory_rejected: '    -         created   reserved  paid      assigned  delivered cancelled',
  payment_captured: '      paid      paid      paid      paid      assigned  delivered cancelled',
  payment_declined: '      -         created   reserved  paid      assigned  delivered cancelled',
  delivery_assigned: '     assigned  assigned  assigned  assigned  assigned  delivered cancelled',
  delivery_picked_up: '    assigned  assigned  assigned  assigned  assigned  delivered cancelled',
  delivery_completed: '    delivered delivered delivered delivered delivered delivered cancelled',
  delivery_failed: '       -         created   reserved  paid      assigned  delivered cancelled',
  order_cancel_requested: '-         created   reserved  paid      assigned  delivered cancelled',
  order_cancelled: '       cancelled cancelled cancelled cancelled cancelled delivered cancelled',
  inventory_released: '    -         created   reserved  paid      assigned  delivered cancelled',
  inventory_shipped: '     -         created   reserved  paid      assigned  delivered cancelled',
  payment_refunded: '      -         created   reserved  paid      assigned  delivered cancelled',
}

for (const [type, row] of Object.entries(statusAfter)) {
  test(`${type} makes of every status what the table says`, () => {
    const found = before.map((status) => apply(ordersBy[status], event(type, 30))?.status ?? '-')
    assert.equal(found, row.trim().split(/ +/))
  })
}

test('the table has a row for every event of an order', () => {
  const events = Object.keys(contracts).flatMap((subject) => /^events\.(.*)$/.exec(subject)?.[1] ?? [])
  assert.equal(Object.keys(statusAfter).toSorted(), events.filter((type) => type !== 'inventory_adjusted').toSorted())
})

test('an event that reaches a status or confirms it moves the time on, up to a final one', () => {
  assert.is(apply(inStatus('reserved'), event('payment_captured', 30))?.updated_at, at(30))
  assert.is(apply(inStatus('paid'), event('inventory_reserved', 30))?.updated_at, at(30))
  assert.is(apply(inStatus('assigned'), event('delivery_picked_up', 30))?.updated_at, at(30))
  assert.is(apply(inStatus('delivered'), event('delivery_assigned', 30))?.updated_at, at(4))
  assert.is(apply(inStatus('cancelled'), event('payment_captured', 30))?.updated_at, at(1))
})

test('the time never goes back', () => {
  assert.is(apply(inStatus('paid'), event('inventory_reserved', 0))?.updated_at, at(2))
  assert.is(
    apply(inStatus('created'), event('payment_captured', 0, { occurred_at: '2025-01-01T00:00:00.000Z' }))?.updated_at,
    at(0),
  )
})

test('an event that says nothing new leaves the very record, so that nothing is written', () => {
  for (const [status, known] of seen) {
    for (const type of [
      'inventory_rejected',
      'payment_declined',
      'delivery_failed',
      'payment_refunded',
      'unheard_of',
    ]) {
      assert.is(apply(known, event(type, 30)), known, `${type} in ${status}`)
    }
  }
  path.forEach((type, second) => {
    const known = follow(path.slice(0, second + 1))
    assert.is(apply(known, event(type, second)), known, `${type} again`)
  })
  assert.is(apply(inStatus('cancelled'), event('order_cancelled', 1)), inStatus('cancelled'))
})

test('an order_created that comes again under another hash or time is dropped, its time too', () => {
  for (const [status, known] of seen) {
    const again = { request_hash: 'another', items: [{ sku: 'cup-set', qty: 1 }] }
    assert.is(apply(known, event('order_created', 30, again)), known, `another request in ${status}`)
    assert.is(apply(known, event('order_created', 30)), known, `a later copy in ${status}`)
  }
})

test('an order_created that was overtaken still brings the facts of the order', () => {
  for (const type of ['inventory_reserved', 'delivery_completed', 'order_cancelled']) {
    const overtaken = apply(apply(undefined, event(type, 1)), event('order_created', 0))
    assert.equal(overtaken?.created, inStatus('created').created, type)
    assert.is(overtaken?.updated_at, at(1), type)
  }
})

const wish = { by: 'customer' as const, reason: 'too late' }

for (const status of ['created', 'reserved', 'paid', 'assigned']) {
  test(`a person cancels an order that is ${status}`, () => {
    const cancelled = cancelByPerson(inStatus(status), wish, at(9))
    assert.equal(statusOf(cancelled), {
      order_id: order.order_id,
      status: 'cancelled',
      updated_at: at(9),
      reason: 'too late',
      cancelled_by: 'customer',
    })
    assert.is(cancelled.cancelled?.dispatched, false)
  })

  test(`a person is refused from dispatch on, though the status still says ${status}`, () => {
    const dispatched = dispatch(inStatus(status))
    assert.is(dispatched.status, status)
    assert.is(dispatched.dispatched, true)
    assert.is(cancelByPerson(dispatched, wish, at(9)), dispatched)
  })
}

test('a person is refused once the order is final, and what is known stays', () => {
  for (const status of ['delivered', 'cancelled']) {
    assert.is(cancelByPerson(inStatus(status), wish, at(9)), inStatus(status))
  }
})

test('a person is refused once the pick-up is known from its event alone', () => {
  const picked = apply(inStatus('paid'), event('delivery_picked_up', 3)) as Order
  assert.is(cancelByPerson(picked, wish, at(9)), picked)
})

test('a cancel without a reason says cancelled', () => {
  assert.is(cancelByPerson(inStatus('paid'), { by: 'operator' }, at(9)).cancelled?.reason, 'cancelled')
})

test('the system cancels in every status but a final one, dispatched or not', () => {
  for (const dispatched of [false, true]) {
    for (const status of ['created', 'reserved', 'paid', 'assigned']) {
      for (const known of [inStatus(status), dispatch(inStatus(status))]) {
        const { cancelled, updated_at } = cancelBySystem(known, 'delivery_failed', dispatched, at(9))
        assert.equal(cancelled, { reason: 'delivery_failed', by: 'system', dispatched }, status)
        assert.is(updated_at, at(9))
      }
    }
    for (const status of ['delivered', 'cancelled']) {
      assert.is(cancelBySystem(inStatus(status), 'delivery_failed', dispatched, at(9)), inStatus(status))
    }
  }
})

test('an order can be cancelled before its order_created was seen', () => {
  const cancelled = cancelBySystem(unseen({ ...order, occurred_at: at(1) }), 'out_of_stock', false, at(2))
  assert.is(apply(cancelled, event('order_created', 0))?.status, 'cancelled')
})

test('dispatch marks an order once, and never one that is final', () => {
  for (const [status, known] of seen) {
    const marked = dispatch(known)
    assert.is(marked.dispatched, status === 'delivered' || status === 'cancelled' ? undefined : true, status)
    assert.is(dispatch(marked), marked)
  }
})

test('the cancelled event is the same to the byte, whatever order a database gives the fields in', () => {
  const cancelled = cancelByPerson(inStatus('paid'), { reason: 'enough', by: 'customer' }, at(9))
  const sorted = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted()
            .map(([name, one]) => [name, sorted(one)]),
        )
      : value
  const told = JSON.stringify(cancelledEvent(sorted(cancelled) as Order))
  assert.is(told, JSON.stringify(cancelledEvent(cancelled)))
})

test('the cancelled event is the same at every repeat, whatever came meanwhile', () => {
  const cancelled = cancelBySystem(inStatus('paid'), 'no_courier', false, at(9))
  const told = cancelledEvent(cancelled)
  assert.equal(told, { ...order, occurred_at: at(9), reason: 'no_courier', by: 'system', dispatched: false })
  for (const type of Object.keys(statusAfter)) {
    const later = apply(cancelled, event(type, 30)) as Order
    assert.equal(cancelledEvent(cancelBySystem(later, 'delivery_failed', true, at(40))), told, type)
    assert.equal(cancelledEvent(cancelByPerson(later, wish, at(40))), told, type)
  }
})

test('the record of a cancelled order is the same whether it was decided here or read from the event', () => {
  const known = inStatus('paid')
  const decided = cancelByPerson(known, { by: 'customer' }, at(9))
  const body = cancelledEvent(decided) as NonNullable<ReturnType<typeof cancelledEvent>>
  assert.equal(apply(known, { subject: 'events.order_cancelled', body }), decided)
})

test('an order that is not cancelled tells of no cancel', () => {
  for (const [status, known] of seen) {
    assert.is(cancelledEvent(known) !== undefined, status === 'cancelled', status)
    assert.is('reason' in statusOf(known), status === 'cancelled', status)
  }
})

test.run()
