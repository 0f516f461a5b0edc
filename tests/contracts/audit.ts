import type { Fixtures } from './fixture'
import { flag, type Kind, one, orderId, time, whole } from './kinds'

const event = {
  seq: 1,
  type: 'order_created',
  order_id: orderId.right[0],
  at: time.right[0],
  data: { anything: [{ that: 'was published' }] },
}

const events: Kind = {
  right: [[event], [], [event, { ...event, seq: 2, type: 'of another system', data: {} }]],
  wrong: [
    ['', event],
    ['/0', ['order_created']],
    ['/0/seq', [{ ...event, seq: 0 }]],
    ['/0/type', [{ ...event, type: 1 }]],
    ['/0/order_id', [{ ...event, order_id: 'x' }]],
    ['/0/at', [{ ...event, at: 'now' }]],
    ['/0/data', [{ ...event, data: '{}' }]],
    ['/1/data', [event, { ...event, data: undefined }]],
    ['/0/subject', [{ ...event, subject: 'events.order_created' }]],
  ],
}

const violations: Kind = {
  right: [[], [{ law: 'captured_once', order_id: orderId.right[0], detail: 'captured more than once' }]],
  wrong: [
    ['', {}],
    ['', Array.from({ length: 101 }, () => ({ law: 'named', detail: 'x' }))],
    ['/0/law', [{ detail: 'x' }]],
    ['/0/detail', [{ law: 'x' }]],
    ['/0/order_id', [{ law: 'x', detail: 'x', order_id: 'x' }]],
    ['/0/sku', [{ law: 'x', detail: 'x', sku: '-' }]],
  ],
}
const count = whole(0)

const step = {
  seq: 2,
  type: 'inventory_reserved',
  at: time.right[0],
  caused_by: { name: 'order_created', seq: 1, inferred: true },
  by: 'inventory/reserve',
  attempts: 1,
  took_ms: 0,
  reason: 'out_of_stock',
}
const { seq, type, at } = step

const steps: Kind = {
  right: [
    [step],
    [],
    [
      { seq, type, at },
      { ...step, caused_by: { name: 'rpc.create_order' } },
    ],
  ],
  wrong: [
    ['', step],
    ['/0', ['order_created']],
    ['/0/seq', [{ ...step, seq: 0 }]],
    ['/0/type', [{ ...step, type: undefined }]],
    ['/0/at', [{ ...step, at: 'now' }]],
    ['/0/caused_by', [{ ...step, caused_by: 'order_created' }]],
    ['/0/caused_by/name', [{ ...step, caused_by: { seq: 1 } }]],
    ['/0/caused_by/seq', [{ ...step, caused_by: { name: 'order_created', seq: 0 } }]],
    ['/0/caused_by/inferred', [{ ...step, caused_by: { name: 'order_created', inferred: false } }]],
    ['/0/by', [{ ...step, by: 1 }]],
    ['/0/attempts', [{ ...step, attempts: 0 }]],
    ['/0/took_ms', [{ ...step, took_ms: -1 }]],
    ['/0/reason', [{ ...step, reason: 1 }]],
    ['/0/data', [{ ...step, data: {} }]],
  ],
}

const wait = {
  for: 'payment_refunded',
  function: 'payment/refund',
  seq: 7,
  since: time.right[0],
  waiting_ms: 0,
  detail: 'The money is still here.',
}

const waits: Kind = {
  right: [[wait], [], [wait, { ...wait, for: 'inventory_released' }]],
  wrong: [
    ['', wait],
    ['/0', ['payment_refunded']],
    ['/0/for', [{ ...wait, for: 1 }]],
    ['/0/function', [{ ...wait, function: undefined }]],
    ['/0/seq', [{ ...wait, seq: 0 }]],
    ['/0/since', [{ ...wait, since: 'now' }]],
    ['/0/waiting_ms', [{ ...wait, waiting_ms: 0.5 }]],
    ['/1/detail', [wait, { ...wait, detail: null }]],
    ['/0/until', [{ ...wait, until: 'payment_refunded' }]],
  ],
}

const notes: Kind = {
  right: [['A sentence.'], []],
  wrong: [
    ['', 'A sentence.'],
    ['/0', [1]],
  ],
}

export default {
  'rpc.check_books': {
    request: { fields: {} },
    reply: {
      fields: {
        balanced: flag,
        as_of_seq: count,
        events: count,
        orders: count,
        open_orders: count,
        pending: count,
        captured: count,
        refunded: count,
        violations,
      },
      optional: ['pending', 'captured', 'refunded'],
    },
  },
  'rpc.explain_order': {
    request: { fields: { order_id: orderId } },
    reply: {
      fields: {
        order_id: orderId,
        status: one('created', 'reserved', 'paid', 'assigned', 'delivered', 'cancelled'),
        total_ms: whole(0),
        steps,
        waits_for: waits,
        notes,
      },
    },
  },
  'rpc.get_order_history': {
    request: { fields: { order_id: orderId } },
    reply: { fields: { order_id: orderId, events } },
  },
} satisfies Fixtures
