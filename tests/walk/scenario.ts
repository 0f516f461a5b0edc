import { orderId } from '../../functions/order/_identity'
import { clock } from './clock'
import { outside } from './outside'
import type { Message } from './run'
import { type Fn, serving } from './system'
import { decided, type World } from './world'

export type Wish = 'other body' | 'customer cancels' | 'operator cancels' | 'picked_up' | 'delivered' | 'failed'

export interface Scenario {
  name: string
  /** Pieces on the shelf; the goods are unknown without it. */
  pieces?: number
  declines?: true
  noCourier?: true
  /** One order, unless more are named. */
  orders?: string[]
  /** What people and couriers may do, each at any point and any number of times. */
  wishes: Wish[]
  /** Any process dies after any effect of its handler, and before what it emitted is out. */
  dies?: true
  /** An answer of the payment service is lost, after it did what it was asked to. */
  lost?: true
  /** Whatever was delivered is delivered again. */
  repeats?: true
  /** How often a handler is overtaken between two of its effects by whatever else can happen. */
  overtaken?: number
}

/** What somebody from outside may ask of the system, at any point. */
export interface Stimulus {
  label: string
  fn: Fn
  message: Message
}

const user_id = 'u-1'
const sku = 'moka-pot'

export function begin({ pieces, declines, noCourier }: Scenario): World {
  Object.assign(outside, { declines: declines ?? false, noCourier: noCourier ?? false })
  const at = new Date(clock.now).toISOString()
  const empty: World = new Map()
  return pieces === undefined ? empty : decided(empty, { kind: 'adjust', sku, on_hand: pieces, unit_price: 500, at })
}

/** The scenario's name of each order, by its id. */
export const namesOf = ({ orders = ['A'] }: Scenario): ReadonlyMap<string, string> =>
  new Map(orders.map((key) => [orderId(user_id, key), key]))

export const stimuliOf = ({ orders = ['A'], wishes }: Scenario): Stimulus[] =>
  orders.flatMap((key) => {
    const name = orders.length > 1 ? ` ${key}` : ''
    const order_id = orderId(user_id, key)
    const order = { user_id, items: [{ sku, qty: 1 }], address: '1 Main Street', payment_method: 'card' }
    const ask = (label: string, subject: string, body: Message['body']): Stimulus => ({
      label: label + name,
      fn: serving(subject),
      message: { id: label + name, subject, body, key },
    })
    const cancel = (by: string) => ask(`${by} cancels`, 'rpc.cancel_order', { order_id, by })
    const all: Record<Wish, () => Stimulus[]> = {
      'other body': () => [ask('create with another body', 'rpc.create_order', { ...order, address: '2 Main Street' })],
      'customer cancels': () => [cancel('customer')],
      'operator cancels': () => [cancel('operator')],
      picked_up: () => [ask('courier: picked_up', 'rpc.update_delivery', { order_id, status: 'picked_up' })],
      delivered: () => [ask('courier: delivered', 'rpc.update_delivery', { order_id, status: 'delivered' })],
      failed: () => [ask('courier: failed', 'rpc.update_delivery', { order_id, status: 'failed' })],
    }
    return [ask('create', 'rpc.create_order', order), ...wishes.flatMap((wish) => all[wish]())]
  })
