import { enums, type Infer, object } from 'superstruct'
import { message } from '../../runtime/types'
import { Amount, Currency, ofOrder, oncePerOrder, text } from '../_fields'

const Money = object({ ...ofOrder, payment_id: text(1, 128), amount: Amount, currency: Currency })
export type Money = Infer<typeof Money>

const Declined = object({ ...ofOrder, reason: enums(['payment_declined', 'payment_timeout']) })
export type Declined = Infer<typeof Declined>

export default {
  'events.payment_captured': message(Money, oncePerOrder('payment_captured')),
  'events.payment_declined': message(Declined, oncePerOrder('payment_declined')),
  'events.payment_refunded': message(Money, oncePerOrder('payment_refunded')),
}
