import { isDeepStrictEqual } from 'node:util'
import type { Account } from './_account'

/** A law that an order's account breaks. */
export interface Finding {
  law: string
  detail: string
  /** Since when its counterpart is awaited, ISO 8601; absent where nothing can come that puts it right. */
  since?: string
}

type Law = (account: Account) => Omit<Finding, 'law'> | false | undefined

/** What holds for every order, each by its name. Services answer each other in any order, so what lacks is awaited first. */
const laws: Record<string, Law> = {
  hold_has_order: ({ reserved, created }) => reserved && !created && awaited('an order_created', reserved),
  reserved_or_rejected: ({ reserved, rejected }) => reserved && rejected && wrong('it was reserved and rejected'),
  captured_or_declined: ({ captured, declined }) => captured && declined && wrong('it was captured and declined'),
  decided_once: ({ again }) => {
    const others = again.filter((type) => type !== 'payment_captured' && type !== 'payment_refunded')
    return others.length > 0 && wrong(`decided again, and otherwise: ${others.join(', ')}`)
  },
  captured_once: ({ again, sums }) =>
    again.includes('payment_captured') && wrong(`captured more than once, ${sums.captured} in all`),
  captured_is_amount: ({ captured, reserved }) =>
    captured &&
    (reserved
      ? !same(captured, reserved) && wrong(`captured ${money(captured)} for an amount of ${money(reserved)}`)
      : awaited('an inventory_reserved', captured)),
  refunded_has_capture: ({ refunded, captured }) => refunded && !captured && awaited('a payment_captured', refunded),
  refunded_at_most_captured: ({ sums, captured }) =>
    captured && sums.refunded > sums.captured && wrong(`refunded ${sums.refunded} of ${sums.captured} captured`),
  refunded_is_cancelled: ({ refunded, cancelled }) => refunded && !cancelled && awaited('an order_cancelled', refunded),
  released_is_cancelled: ({ released, cancelled }) => released && !cancelled && awaited('an order_cancelled', released),
  closed_has_hold: ({ released, shipped, reserved }) => {
    const closed = released ?? shipped
    return closed && !reserved && awaited('an inventory_reserved', closed)
  },
  hold_closed_once: ({ released, shipped }) => released && shipped && wrong('it was released and shipped'),
  closed_is_hold: ({ released, shipped, reserved }) => {
    const closed = released ?? shipped
    return closed && reserved && !sameLines(closed.items, reserved.items) && wrong('other goods were closed than held')
  },
  one_final_status: ({ cancelled, delivered }) => cancelled && delivered && wrong('it was delivered and cancelled'),
  failure_is_cancelled: ({ rejected, declined, failed, cancelled, delivered }) => {
    const cause = rejected ?? declined ?? failed
    return cause && !cancelled && !delivered && awaited('an order_cancelled', cause)
  },
  delivered_is_captured: ({ delivered, captured }) =>
    delivered && !captured && awaited('a payment_captured', delivered),
  delivered_is_shipped: ({ delivered, shipped }) => delivered && !shipped && awaited('an inventory_shipped', delivered),
  delivered_keeps_money: ({ delivered, refunded }) => delivered && refunded && wrong('it was delivered and refunded'),
  delivered_keeps_goods: ({ delivered, released }) => delivered && released && wrong('it was delivered and released'),
  cancelled_is_refunded: ({ cancelled, captured, refunded }) =>
    cancelled &&
    captured &&
    (refunded
      ? !same(refunded, captured) && wrong(`refunded ${money(refunded)} of ${money(captured)} captured`)
      : awaited('a payment_refunded', later(cancelled, captured))),
  cancelled_hold_is_closed: ({ cancelled, reserved, released, shipped }) => {
    if (!cancelled || !reserved) return undefined
    const [due, other] = cancelled.dispatched ? [shipped, released] : [released, shipped]
    if (other)
      return wrong(cancelled.dispatched ? 'goods that had left were released' : 'goods were shipped all the same')
    const what = cancelled.dispatched ? 'an inventory_shipped' : 'an inventory_released'
    return !due && awaited(what, later(cancelled, reserved))
  },
}

/** Every law that the account breaks now; those with a `since` may yet be put right. */
export const findingsOf = (account: Account): Finding[] =>
  Object.entries(laws).flatMap(([law, judge]) => {
    const found = judge(account)
    return found ? [{ law, ...found }] : []
  })

const wrong = (detail: string) => ({ detail })
const awaited = (what: string, { at }: { at: string }) => ({ detail: `awaits ${what}`, since: at })

const later = <T extends { at: string }>(one: T, other: { at: string }) => (one.at > other.at ? one : other)

interface Money {
  amount: number
  currency: string
}

const same = (one: Money, other: Money) => one.amount === other.amount && one.currency === other.currency
const money = ({ amount, currency }: Money) => `${amount} ${currency}`

interface Line {
  sku: string
  qty: number
}

const sameLines = (ones: Line[], others: Line[]) => isDeepStrictEqual(bare(ones), bare(others))
const bare = (lines: Line[]) => lines.map(({ sku, qty }) => `${sku} ${qty}`).sort()
