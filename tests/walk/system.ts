import * as assign from '../../functions/delivery/assign'
import * as free from '../../functions/delivery/free'
import * as report from '../../functions/delivery/report'
import * as trackDelivery from '../../functions/delivery/track'
import * as update from '../../functions/delivery/update'
import * as release from '../../functions/inventory/release'
import * as reserve from '../../functions/inventory/reserve'
import * as ship from '../../functions/inventory/ship'
import * as cancel from '../../functions/order/cancel'
import * as create from '../../functions/order/create'
import * as dispatch from '../../functions/order/dispatch'
import * as track from '../../functions/order/track'
import * as capture from '../../functions/payment/capture'
import * as refund from '../../functions/payment/refund'
import * as trackPayment from '../../functions/payment/track'
import type { Handler } from '../../runtime/invoke'
import { covers } from '../../runtime/manifest'

export interface Fn {
  name: string
  mode: string
  subject: string
  handler: Handler
}

interface Module {
  default: Handler
  config: { mode: string; subject: string }
}

const fn = (name: string, { default: handler, config: { mode, subject } }: Module): Fn => ({
  name,
  mode,
  subject,
  handler,
})

/** The functions whose decisions make an order's fate, as they stand. */
export const functions: Fn[] = [
  fn('order/create', create),
  fn('order/cancel', cancel),
  fn('order/dispatch', dispatch),
  fn('order/track', track),
  fn('inventory/reserve', reserve),
  fn('inventory/release', release),
  fn('inventory/ship', ship),
  fn('payment/capture', capture),
  fn('payment/refund', refund),
  fn('delivery/assign', assign),
  fn('delivery/free', free),
  fn('delivery/update', update),
  fn('delivery/report', report),
]

/** Those that build records anew, each with its buckets. */
export const rebuilders: { bucket: string; beside?: string; fn: Fn }[] = [
  { bucket: 'orders', beside: 'orders_of', fn: fn('order/track', track) },
  { bucket: 'payments', fn: fn('payment/track', trackPayment) },
  { bucket: 'deliveries', fn: fn('delivery/track', trackDelivery) },
]

export const named = (name: string): Fn => functions.find((one) => one.name === name) as Fn
export const serving = (subject: string): Fn => functions.find((one) => one.subject === subject) as Fn

/** Those that are handed what a stream holds on the subject. */
export const hearing = (subject: string): Fn[] =>
  functions.filter((one) => one.mode !== 'rpc' && covers(one.subject, subject))
