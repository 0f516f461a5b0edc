import * as assert from 'uvu/assert'
import { explain } from '../../functions/audit/_explain'
import { suite } from '../support/suite'
import { asked, assigned, bySystem, type Change, history, left, paid, reserved } from './explained'
import { at, order } from './order_events'

const test = suite('why an order is where it is')

type Given = (string | [string, Change])[]

const explained = (given: Given, second = 100) => explain(order.order_id, history(...given), at(second))
const noCourier: [string, Change] = [
  'delivery_failed',
  {
    data: { reason: 'no_courier' },
    cause: { id: `payment_captured:${order.order_id}`, function: 'delivery/assign', attempt: 1 },
  },
]
const failedOnTheWay: [string, Change] = ['delivery_failed', { data: { picked_up: true } }]
const lost = bySystem('delivery_failed', { dispatched: true })

/** What has happened; the status; what it waits for, as `event function seq`, and since which second. */
const fates: [name: string, happened: Given, status: string, waits: [string, number][]][] = [
  ['created', ['order_created'], 'created', [['inventory_reserved inventory/reserve 11', 0]]],
  ['reserved', reserved, 'reserved', [['payment_captured payment/capture 12', 1]]],
  ['paid', paid, 'paid', [['delivery_assigned delivery/assign 13', 2]]],
  ['assigned', assigned, 'assigned', [['delivery_picked_up delivery/update 14', 3]]],
  [
    'picked up',
    [...assigned, 'delivery_picked_up'],
    'assigned',
    [
      ['delivery_completed delivery/update 15', 4],
      ['inventory_shipped inventory/ship 15', 4],
    ],
  ],
  ['on the way', left, 'assigned', [['delivery_completed delivery/update 15', 4]]],
  ['delivered', [...left, 'delivery_completed'], 'delivered', []],
  [
    'delivered, the goods still on the shelf',
    [...assigned, 'delivery_picked_up', 'delivery_completed'],
    'delivered',
    [['inventory_shipped inventory/ship 15', 4]],
  ],

  ['out of stock', ['order_created', 'inventory_rejected'], 'created', [['order_cancelled order/track 12', 1]]],
  [
    'out of stock and cancelled',
    ['order_created', 'inventory_rejected', bySystem('inventory_rejected')],
    'cancelled',
    [],
  ],
  ['declined', [...reserved, 'payment_declined'], 'reserved', [['order_cancelled order/track 13', 2]]],
  [
    'declined and cancelled',
    [...reserved, 'payment_declined', bySystem('payment_declined')],
    'cancelled',
    [['inventory_released inventory/release 14', 3]],
  ],
  [
    'declined, cancelled, released',
    [...reserved, 'payment_declined', bySystem('payment_declined'), 'inventory_released'],
    'cancelled',
    [],
  ],
  ['without a courier', [...paid, noCourier], 'paid', [['order_cancelled order/track 14', 3]]],
  [
    'without a courier and cancelled',
    [...paid, noCourier, bySystem('delivery_failed')],
    'cancelled',
    [
      ['inventory_released inventory/release 15', 4],
      ['payment_refunded payment/refund 15', 4],
    ],
  ],
  [
    'the delivery failed at the pick-up',
    [...assigned, 'delivery_failed', bySystem('delivery_failed'), 'inventory_released', 'payment_refunded'],
    'cancelled',
    [],
  ],
  [
    'the delivery failed on the way',
    [...left, failedOnTheWay, lost],
    'cancelled',
    [['payment_refunded payment/refund 18', 7]],
  ],
  [
    'the delivery failed on the way, the goods still on the shelf',
    [...assigned, 'delivery_picked_up', failedOnTheWay, lost, 'payment_refunded'],
    'cancelled',
    [['inventory_shipped inventory/ship 15', 4]],
  ],

  ['cancelled when created', ['order_created', ...asked], 'cancelled', []],
  ['cancelled when reserved', [...reserved, ...asked], 'cancelled', [['inventory_released inventory/release 14', 3]]],
  [
    'cancelled when paid',
    [...paid, ...asked],
    'cancelled',
    [
      ['inventory_released inventory/release 15', 4],
      ['payment_refunded payment/refund 15', 4],
    ],
  ],
  [
    'cancelled when assigned, the refund waits',
    [...assigned, ...asked, 'inventory_released'],
    'cancelled',
    [['payment_refunded payment/refund 16', 5]],
  ],
  ['cancelled and made good', [...assigned, ...asked, 'inventory_released', 'payment_refunded'], 'cancelled', []],
  [
    'a cancel that is not decided',
    [...assigned, 'order_cancel_requested'],
    'assigned',
    [
      ['delivery_picked_up delivery/update 14', 3],
      ['order_cancelled order/track 15', 4],
    ],
  ],
  [
    'captured after the cancel',
    [...reserved, ...asked, 'inventory_released', 'payment_captured'],
    'cancelled',
    [['payment_refunded payment/refund 14', 5]],
  ],
  [
    'reserved after the cancel',
    ['order_created', ...asked, 'inventory_reserved'],
    'cancelled',
    [['inventory_released inventory/release 13', 3]],
  ],

  [
    'released, and the hold not told',
    ['order_created', ...asked, 'inventory_released'],
    'cancelled',
    [['inventory_reserved inventory/reserve 11', 3]],
  ],
  [
    'refunded, and the capture not told',
    [...reserved, ...asked, 'payment_refunded', 'inventory_released'],
    'cancelled',
    [['payment_captured payment/capture 12', 4]],
  ],
  [
    'picked up, and the courier not told',
    [...paid, 'delivery_picked_up', 'inventory_shipped'],
    'assigned',
    [
      ['delivery_completed delivery/update 14', 3],
      ['delivery_assigned delivery/assign 13', 3],
    ],
  ],
  [
    'delivered, and the pick-up not told',
    [...assigned, 'delivery_completed'],
    'delivered',
    [['delivery_picked_up delivery/report 15', 4]],
  ],
  [
    'failed on the way, and the pick-up not told',
    [...assigned, failedOnTheWay, lost, 'payment_refunded'],
    'cancelled',
    [['delivery_picked_up delivery/report 15', 4]],
  ],
  [
    'an event of a later version',
    ['order_created', 'gift_wrapped'],
    'created',
    [['inventory_reserved inventory/reserve 11', 0]],
  ],
]

for (const [name, happened, status, waits] of fates) {
  test(`${name}: ${waits.length === 0 ? 'it waits for nothing' : waits.map(([wait]) => wait).join(' and ')}`, () => {
    const { status: told, waits_for, total_ms, steps } = explained(happened)
    assert.is(told, status)
    assert.equal(
      waits_for.map(({ for: wanted, function: name, seq, since }) => [`${wanted} ${name} ${seq}`, since]),
      waits.map(([wait, since]) => [wait, at(since)]),
    )
    for (const { since, waiting_ms, detail } of waits_for) {
      assert.is(waiting_ms, Date.parse(at(100)) - Date.parse(since))
      assert.match(detail, /^[A-Z].*\.$/)
    }
    assert.is(total_ms, (waits.length > 0 ? 100 : happened.length - 1) * 1_000)
    assert.is(steps.length, happened.length)
  })
}

const types = (given: Given) => explained(given).steps.map(({ type }) => type)

test('every event of the happy path names the event that made it happen, or who asked', () => {
  const { steps, notes } = explained([...left, 'delivery_completed'])
  const told = steps.map(({ type, caused_by, by, attempts, took_ms }) => [type, caused_by, by, attempts, took_ms])
  assert.equal(told, [
    ['order_created', { name: 'rpc.create_order' }, 'order/create', 1, undefined],
    ['inventory_reserved', { name: 'order_created', seq: 11 }, 'inventory/reserve', 1, 1_000],
    ['payment_captured', { name: 'inventory_reserved', seq: 12 }, 'payment/capture', 1, 1_000],
    ['delivery_assigned', { name: 'payment_captured', seq: 13 }, 'delivery/assign', 1, 1_000],
    ['delivery_picked_up', { name: 'update_delivery:picked_up' }, 'delivery/update', 1, 1_000],
    ['inventory_shipped', { name: 'delivery_picked_up', seq: 15 }, 'inventory/ship', 1, 1_000],
    ['delivery_completed', { name: 'update_delivery:delivered' }, 'delivery/update', 1, 2_000],
  ])
  assert.equal(notes, [])
})

test('a step counts its attempts, and the time since its cause', () => {
  const slow: Change = {
    second: 40,
    cause: { id: `order_created:${order.order_id}`, function: 'inventory/reserve', attempt: 7 },
  }
  const [, step] = explained(['order_created', ['inventory_reserved', slow]]).steps
  assert.equal([step?.attempts, step?.took_ms], [7, 40_000])
})

test('clocks that disagree make no negative time', () => {
  const { steps, waits_for, total_ms } = explained([['order_created', { second: 9 }], 'inventory_reserved'], 0)
  assert.equal([steps[1]?.took_ms, waits_for[0]?.waiting_ms, total_ms], [0, 0, 0])
})

test('reasons are told as they were given, with the courier’s note', () => {
  const reasons = (given: Given) => explained(given).steps.flatMap(({ reason }) => reason ?? [])
  assert.equal(reasons(['order_created', ...asked]), ['changed my mind', 'changed my mind'])
  assert.equal(reasons([...assigned, ['delivery_failed', { data: { note: 'nobody home' } }]]), [
    'delivery_failed: nobody home',
  ])
})

for (const [what, change] of [
  ['without headers', { cause: undefined }],
  ['of an earlier version', { cause: undefined, id: undefined }],
  ['from a batch, which knows no cause', { cause: { function: 'inventory/reserve', attempt: 1 } }],
] as const) {
  test(`an event ${what} has the cause that the flow gives it, marked as inferred`, () => {
    const [, step] = explained(['order_created', ['inventory_reserved', change]]).steps
    assert.equal(step?.caused_by, { name: 'order_created', seq: 11, inferred: true })
    assert.is(step?.took_ms, 1_000)
    assert.is(step?.by, change.cause?.function)
    assert.is(step?.attempts, change.cause?.attempt)
  })
}

test('what a person or courier wished has no inferred cause, and the time since what it follows', () => {
  const strange: Change = { cause: undefined }
  const { steps } = explained([['order_created', strange], ...assigned.slice(1), ['delivery_failed', strange]])
  assert.equal([steps[0]?.caused_by, steps.at(-1)?.caused_by, steps.at(-1)?.took_ms], [undefined, undefined, 1_000])
})

test('an event that was published without an id is known by its place in the stream', () => {
  const [, step] = explained([
    ['order_created', { id: 'EVENTS:11' }],
    ['inventory_reserved', { cause: { id: 'EVENTS:11', function: 'inventory/reserve', attempt: 1 } }],
  ]).steps
  assert.equal(step?.caused_by, { name: 'order_created', seq: 11 })
})

test('an event that an earlier version recorded is known as the cause of a later one', () => {
  const [, step] = explained([['order_created', { id: undefined, cause: undefined }], 'inventory_reserved']).steps
  assert.equal(step?.caused_by, { name: 'order_created', seq: 11 })
})

test('a cause that is nothing of this order is told by its name, of a length that fits', () => {
  const cause = { id: `x:${'y'.repeat(1_000)}`, function: 'z'.repeat(1_000), attempt: 1 }
  const [step] = explained([['order_created', { cause }]]).steps
  assert.is(step?.caused_by?.name.length, 200)
  assert.is(step?.by?.length, 200)
})

test('causes stand before what they caused, in whatever order the stream has them, and a note says so', () => {
  const happened = [...reserved, ...asked, 'payment_refunded', 'inventory_released', 'payment_captured']
  const expected = [...reserved, ...asked, 'inventory_released', 'payment_captured', 'payment_refunded']
  assert.equal(types(happened), expected)
  const { notes, waits_for } = explained(happened)
  assert.equal(waits_for, [])
  assert.equal(notes, ['payment_refunded (seq 15) is in the stream before payment_captured (seq 17), which it needs.'])

  const release = ['order_created', ...asked, 'inventory_released', 'inventory_reserved']
  assert.equal(types(release), ['order_created', ...asked, 'inventory_reserved', 'inventory_released'])
  assert.match(explained(release).notes.at(-1) ?? '', /^inventory_released \(seq 14\) is in the stream before/)
  assert.equal(types(['delivery_assigned', 'order_created', 'payment_captured', 'inventory_reserved']), assigned)
})

test('what no cause orders stays as it is in the stream', () => {
  const both = [...paid, ...asked, 'payment_refunded', 'inventory_released']
  assert.equal(types(both), both)
  const ended = [...assigned, 'delivery_picked_up', 'delivery_completed', 'inventory_shipped']
  assert.equal(types(ended), ended)
})

test('events that name each other, or themselves, as their cause end no explanation', () => {
  const causedBy = (type: string): Change => ({
    cause: { id: `${type}:${order.order_id}`, function: 'a/b', attempt: 1 },
  })
  const round: Given = [
    ['order_created', causedBy('inventory_reserved')],
    ['inventory_reserved', causedBy('order_created')],
    ['gift_wrapped', causedBy('gift_wrapped')],
  ]
  assert.equal(types(round).toSorted(), ['gift_wrapped', 'inventory_reserved', 'order_created'])
  const own = explained(round).steps.find(({ type }) => type === 'gift_wrapped')
  assert.equal(own?.caused_by, { name: 'gift_wrapped' })
})

test('a cancel before any answer about the payment says that this may still come', () => {
  const note = 'No payment was taken so far: the cancel came first, or the payment service has not answered yet.'
  assert.equal(explained([...reserved, ...asked, 'inventory_released']).notes, [note])
  assert.equal(explained(['order_created', ...asked]).notes, [])
  assert.equal(explained(reserved).notes, [])
  for (const told of ['payment_captured', 'payment_declined']) {
    assert.equal(explained([...reserved, told, ...asked]).notes, [])
  }
})

for (const [what, happened, note] of [
  [
    'after the pick-up',
    [...left, 'order_cancel_requested'],
    'The cancel by the customer (seq 17) was refused: a courier had been let go with the goods.',
  ],
  [
    'after the delivery',
    [...left, 'order_cancel_requested', 'delivery_completed'],
    'The cancel by the customer (seq 17) was refused: a courier had been let go with the goods.',
  ],
  [
    'when the card had been declined',
    [...reserved, 'payment_declined', 'order_cancel_requested', bySystem('payment_declined'), 'inventory_released'],
    'The cancel by the customer (seq 14) came to nothing: the order was cancelled for payment_declined.',
  ],
] as [string, Given, string][]) {
  test(`a cancel that lost the race, ${what}, is waited for by nobody, and a note says so`, () => {
    const { notes, waits_for } = explained(happened)
    assert.equal(notes, [note])
    assert.not.ok(waits_for.some(({ function: name }) => name === 'order/track'))
  })
}

test.run()
