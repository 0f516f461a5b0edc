import type { Fixtures } from './fixture'
import { type Kind, orderId, time } from './kinds'

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

export default {
  'rpc.get_order_history': {
    request: { fields: { order_id: orderId } },
    reply: { fields: { order_id: orderId, events } },
  },
} satisfies Fixtures
