import type { Fixtures } from './fixture'
import { flag, type Kind, orderId, time, whole } from './kinds'

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
  'rpc.get_order_history': {
    request: { fields: { order_id: orderId } },
    reply: { fields: { order_id: orderId, events } },
  },
} satisfies Fixtures
