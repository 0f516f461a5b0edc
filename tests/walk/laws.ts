import type { DeliveryRecord } from '../../functions/delivery/_delivery'
import { statusOf } from '../../functions/delivery/_delivery'
import type { Shelf } from '../../functions/inventory/_stock'
import type { Order } from '../../functions/order/_machine'
import type { Payment } from '../../functions/payment/_payment'
import { timeless } from './clock'
import { accountOf } from './outside'
import { execute, type Message } from './run'
import { type Fn, rebuilders } from './system'
import { valuesUnder, type World } from './world'

/** What the walk may not find, in words. */
export class Broken extends Error {}

type Hold = Record<
  'reserved' | 'released' | 'shipped',
  { items: { sku: string; qty: number }[]; amount?: number } | undefined
>

function law(holds: boolean, words: string): void {
  if (!holds) throw new Broken(words)
}

/** Holds in every world. */
export function checkWorld(world: World): void {
  const held = new Map<string, number>()
  for (const [, hold] of valuesUnder(world, 'stock/order:') as [string, Hold][]) {
    law(!(hold.released && hold.shipped), 'goods are released or shipped, never both')
    if (!hold.reserved || hold.released || hold.shipped) continue
    for (const { sku, qty } of hold.reserved.items) held.set(sku, (held.get(sku) ?? 0) + qty)
  }
  for (const [, { sku, on_hand, reserved }] of valuesUnder(world, 'stock/sku:') as [string, Shelf][]) {
    law(
      on_hand >= 0 && reserved >= 0 && on_hand >= reserved,
      `on hand, reserved and available of ${sku} are never below zero`,
    )
    law(reserved === (held.get(sku) ?? 0), `reserved pieces of ${sku} are those of the open holds`)
  }
  for (const [key, order] of valuesUnder(world, 'orders/') as [string, Order][]) {
    const id = key.slice('orders/'.length)
    const account = accountOf(world, id)
    const delivery = world.get(`deliveries/${id}`) as DeliveryRecord | undefined
    law(
      (account?.refunded ?? 0) <= (account?.answer === 'captured' ? account.amount : 0),
      'no more is refunded than was captured',
    )
    law(!account?.refunded || order.status === 'cancelled', 'only a cancelled order is refunded')
    const byPerson = order.cancelled && order.cancelled.by !== 'system'
    law(!(byPerson && delivery?.picked_up_at), 'no person cancels what was picked up')
    law(!(delivery?.completed_at && order.status === 'cancelled'), 'what was delivered is not cancelled')
  }
}

/** A final status stays over every step, and nobody is charged in one that begins with the cancel in payment's record. */
export function checkStep(before: World, after: World, overtaken: boolean): void {
  if (before === after) return
  for (const [key, payment] of valuesUnder(before, 'payments/') as [string, Payment][]) {
    if (!payment.cancelled || overtaken) continue
    const id = key.slice('payments/'.length)
    law(accountOf(before, id)?.answer === accountOf(after, id)?.answer, 'nobody is charged once the cancel is known')
  }
  for (const [key, order] of valuesUnder(before, 'orders/') as [string, Order][]) {
    if (order.status !== 'delivered' && order.status !== 'cancelled') continue
    law((after.get(key) as Order).status === order.status, `${order.status} is final`)
  }
}

/** Holds where all that was sent has been handled. */
export function checkSettled(world: World, sent: Message[]): void {
  const told = new Set(sent.map(({ id }) => id))
  for (const [key, order] of valuesUnder(world, 'orders/') as [string, Order][]) {
    const id = key.slice('orders/'.length)
    const payment = world.get(`payments/${id}`) as Payment | undefined
    const delivery = world.get(`deliveries/${id}`) as DeliveryRecord | undefined
    const hold = world.get(`stock/order:${id}`) as Hold | undefined
    const account = accountOf(world, id)
    const captured = account?.answer === 'captured' ? account.amount : 0
    const tells = (type: string) => told.has(`${type}:${id}`)

    law(!(tells('order_cancelled') && tells('delivery_completed')), 'an order is cancelled or delivered, never both')
    law((payment?.captured !== undefined) === (account?.answer === 'captured'), 'what was charged is known to payment')
    law((payment?.captured !== undefined) === tells('payment_captured'), 'a capture is told')
    law((payment?.refunded !== undefined) === tells('payment_refunded'), 'a refund is told')
    switch (order.status) {
      case 'delivered':
        law(tells('delivery_completed'), 'a delivered order was delivered')
        law(captured === hold?.reserved?.amount, 'delivered: what was captured is the amount')
        law(account?.refunded === 0, 'delivered: nothing is refunded')
        law(hold?.shipped !== undefined && tells('inventory_shipped'), 'delivered: the goods are shipped')
        break
      case 'cancelled':
        law(tells('order_cancelled'), 'a cancel is told')
        law((account?.refunded ?? 0) === captured, 'cancelled: what was captured is refunded')
        law(!hold?.reserved || !!(hold.released || hold.shipped), 'cancelled: the hold is closed')
        law(
          !hold?.reserved || !!order.cancelled?.dispatched === !!hold.shipped,
          'cancelled: shipped where the goods had left',
        )
        law(
          world.get(`courier/${id}`) !== 'assigned' || !delivery || statusOf(delivery) === 'failed',
          'cancelled: the courier is free',
        )
        break
      default:
        law(order.status === 'assigned', `an order that nothing is left to do for is not ${order.status}`)
        law(
          ['assigned', 'picked_up'].includes(statusOf(delivery as DeliveryRecord)),
          'an order ends once its courier has reported the end',
        )
    }
  }
}

/** The records that a replay of what was sent makes, whatever its order, are the live ones. */
export async function checkRebuilt(world: World, sent: Message[]): Promise<void> {
  const events = sent.filter(({ subject }) => subject.startsWith('events.'))
  const pickedUp = new Set(
    events.filter(({ subject }) => subject.endsWith('.delivery_picked_up')).map(({ body }) => body.order_id),
  )
  for (const { bucket, beside, fn } of rebuilders) {
    const others = beside ? valuesUnder(world, `${beside}/`) : []
    const live = new Map([...valuesUnder(world, `${bucket}/`), ...others])
    for (const [key, record] of live) {
      // A courier who was let go and has not said so yet: that mark is in no event, and is asked for again.
      const { dispatched, ...rest } = record as Order
      if (bucket === 'orders' && dispatched && !pickedUp.has(rest.order_id)) live.set(key, rest)
    }
    for (const history of [events, events.toReversed()]) {
      const rebuilt = await replayed(fn, history)
      law(text(rebuilt) === text(live), `${bucket}: rebuilt ${text(rebuilt)}, live ${text(live)}`)
    }
  }
}

async function replayed(fn: Fn, history: Message[]): Promise<World> {
  let world: World = new Map()
  for (const message of history) {
    const ended = await execute(world, { fn, message, startedAt: 0, results: [] }, { replaying: true })
    if (ended.kind !== 'returned') throw ended.error
    world = ended.world
  }
  return world
}

const text = (records: ReadonlyMap<string, unknown>): string =>
  [...records.keys()]
    .sort()
    .map((key) => `${key} ${timeless(records.get(key))}`)
    .join('\n')
