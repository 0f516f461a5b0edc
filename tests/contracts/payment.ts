import { type Fixtures, orderEvent } from './fixture'
import { currency, one, text, whole } from './kinds'

const money = { payment_id: text(128), amount: whole(0), currency }

export default {
  'events.payment_captured': orderEvent('payment_captured', money),
  'events.payment_declined': orderEvent('payment_declined', { reason: one('payment_declined', 'payment_timeout') }),
  'events.payment_refunded': orderEvent('payment_refunded', money),
} satisfies Fixtures
