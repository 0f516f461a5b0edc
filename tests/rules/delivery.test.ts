import * as assert from 'uvu/assert'
import { Delivery, type Report } from '../../functions/delivery/_contract'
import { couriers } from '../../functions/delivery/_couriers'
import {
  assign,
  cancel,
  type DeliveryRecord,
  deliveryOf,
  eventsOf,
  mayReport,
  report,
  statusOf,
  tell,
} from '../../functions/delivery/_delivery'
import { suite } from '../support/suite'

const test = suite('the record of a delivery')

const who = { order_id: 'ABCDEFGHJKMNPQRSTVWXYZ0123', user_id: 'u-1' }
const at = (second: number) => `2026-01-30T12:00:0${second}.000Z`

type Step = 'assign' | 'no courier' | 'cancel' | Report['status']
const reports = ['picked_up', 'delivered', 'failed'] as const

/** Each step as its handler takes it; a report to a delivery that nobody knows is refused before. */
function take(known: DeliveryRecord | undefined, step: Step, second: number): DeliveryRecord {
  if (step === 'assign') return assign(known, who, 'courier-1', at(second))
  if (step === 'no courier') return assign(known, who, undefined, at(second))
  if (step === 'cancel') return cancel(known, who, at(second))
  return report(known as DeliveryRecord, { status: step }, at(second))
}

const follow = (path: Step[]) =>
  path.reduce<DeliveryRecord | undefined>(
    (known, step, second) => take(known, step, second),
    undefined,
  ) as DeliveryRecord

/** Every way through; `updated` is the step whose time the record shows. */
const ways: { path: Step[]; status: string; updated: number; tells: string; allows: string }[] = [
  { path: ['assign'], status: 'assigned', updated: 0, tells: 'assigned', allows: 'picked_up failed' },
  { path: ['assign', 'delivered'], status: 'assigned', updated: 0, tells: 'assigned', allows: 'picked_up failed' },
  { path: ['assign', 'failed'], status: 'failed', updated: 1, tells: 'assigned failed', allows: '' },
  { path: ['assign', 'failed', 'cancel'], status: 'failed', updated: 1, tells: 'assigned failed', allows: '' },
  { path: ['assign', 'cancel'], status: 'cancelled', updated: 1, tells: 'assigned', allows: '' },
  { path: ['assign', 'cancel', 'picked_up'], status: 'cancelled', updated: 1, tells: 'assigned', allows: '' },
  { path: ['assign', 'cancel', 'failed'], status: 'cancelled', updated: 1, tells: 'assigned', allows: '' },
  {
    path: ['assign', 'picked_up'],
    status: 'picked_up',
    updated: 1,
    tells: 'assigned picked_up',
    allows: 'delivered failed',
  },
  {
    path: ['assign', 'picked_up', 'cancel'],
    status: 'picked_up',
    updated: 1,
    tells: 'assigned picked_up',
    allows: 'delivered failed',
  },
  {
    path: ['assign', 'picked_up', 'failed'],
    status: 'failed',
    updated: 2,
    tells: 'assigned picked_up failed',
    allows: '',
  },
  {
    path: ['assign', 'picked_up', 'failed', 'cancel'],
    status: 'failed',
    updated: 2,
    tells: 'assigned picked_up failed',
    allows: '',
  },
  {
    path: ['assign', 'picked_up', 'delivered'],
    status: 'delivered',
    updated: 2,
    tells: 'assigned picked_up delivered',
    allows: '',
  },
  {
    path: ['assign', 'picked_up', 'delivered', 'failed'],
    status: 'delivered',
    updated: 2,
    tells: 'assigned picked_up delivered',
    allows: '',
  },
  {
    path: ['assign', 'picked_up', 'delivered', 'cancel'],
    status: 'delivered',
    updated: 2,
    tells: 'assigned picked_up delivered',
    allows: '',
  },
  { path: ['no courier'], status: 'failed', updated: 0, tells: 'failed', allows: '' },
  { path: ['no courier', 'cancel', 'picked_up'], status: 'failed', updated: 0, tells: 'failed', allows: '' },
  { path: ['cancel'], status: 'cancelled', updated: 0, tells: '', allows: '' },
  { path: ['cancel', 'assign'], status: 'cancelled', updated: 0, tells: '', allows: '' },
  { path: ['cancel', 'no courier'], status: 'cancelled', updated: 0, tells: '', allows: '' },
]

for (const { path, status, updated, tells, allows } of ways) {
  const name = path.join(', ')

  test(`${name}: ${status}, tells ${tells || 'nothing'}, allows ${allows || 'no report'}`, () => {
    const record = follow(path)
    assert.is(statusOf(record), status)
    assert.is(deliveryOf(record).updated_at, at(updated))
    const events = Object.entries(eventsOf(record)).filter(([, event]) => event !== undefined)
    assert.is(events.map(([kind]) => kind).join(' '), tells)
    assert.is(reports.filter((wish) => mayReport(record, wish)).join(' '), allows)
  })

  test(`${name}: is a Delivery of the contract, and every step again changes nothing`, () => {
    const record = follow(path)
    assert.ok(Delivery.is(deliveryOf(record)))
    for (const step of new Set(path)) {
      if (step === 'delivered' && statusOf(record) === 'picked_up') continue
      assert.is(take(record, step, 9), record, step)
    }
  })
}

test('a report that is not allowed leaves the record', () => {
  const record = follow(['assign'])
  assert.is(report(record, { status: 'delivered' }, at(9)), record)
})

test('the events carry the time of their step', () => {
  const courier_id = 'courier-1'
  assert.equal(eventsOf(follow(['assign', 'picked_up', 'delivered'])), {
    assigned: { ...who, occurred_at: at(0), courier_id },
    picked_up: { ...who, occurred_at: at(1), courier_id },
    delivered: { ...who, occurred_at: at(2), courier_id },
    failed: undefined,
  })
})

test('a failure says why, whether the goods had left, and the courier’s note if there is one', () => {
  const failure = (path: Step[]) => eventsOf(follow(path)).failed
  const failed = { ...who, reason: 'delivery_failed' }
  assert.equal(failure(['no courier']), { ...who, occurred_at: at(0), reason: 'no_courier', picked_up: false })
  assert.equal(failure(['assign', 'failed']), { ...failed, occurred_at: at(1), picked_up: false })
  assert.equal(failure(['assign', 'picked_up', 'failed']), { ...failed, occurred_at: at(2), picked_up: true })
  const noted = report(follow(['assign']), { status: 'failed', note: 'nobody home' }, at(1))
  assert.equal(eventsOf(noted).failed, { ...failed, occurred_at: at(1), picked_up: false, note: 'nobody home' })
})

test('a report is told by its own event, and by none where it did not hold', () => {
  const tellings: [Step[], Report['status'], string][] = [
    [['assign', 'picked_up'], 'picked_up', 'events.delivery_picked_up'],
    [['assign', 'picked_up', 'delivered'], 'picked_up', 'events.delivery_picked_up'],
    [['assign', 'picked_up', 'delivered'], 'delivered', 'events.delivery_completed'],
    [['assign', 'picked_up', 'failed'], 'failed', 'events.delivery_failed'],
    [['assign', 'picked_up', 'failed'], 'picked_up', 'events.delivery_picked_up'],
    [['assign', 'cancel'], 'picked_up', ''],
    [['assign', 'cancel'], 'failed', ''],
    [['assign'], 'delivered', ''],
    [['assign', 'picked_up', 'delivered'], 'failed', ''],
  ]
  for (const [path, status, subject] of tellings) {
    const told: string[] = []
    tell(status, follow(path), (emitted: string) => void told.push(emitted))
    assert.is(told.join(), subject, `${status} after ${path.join(', ')}`)
  }
})

test('an order has one simulated courier, of COURIERS there are', async () => {
  const assigned = async (count: number, order_id: string) => {
    process.env.COURIERS = String(count)
    return couriers.assign({ order_id, address: async () => '' })
  }
  const orders = Array.from({ length: 300 }, (_, index) => `order-${index}`)
  const names = await Promise.all(orders.map((order) => assigned(3, order)))
  assert.equal([...new Set(names)].toSorted(), ['courier-1', 'courier-2', 'courier-3'])
  assert.equal(await Promise.all(orders.map((order) => assigned(3, order))), names)
  assert.is(await assigned(1, 'order-1'), 'courier-1')
  assert.is(await assigned(0, 'order-1'), undefined)
})

test.run()
