import { array, enums, type Infer, integer, literal, max, min, object, optional, string, union } from 'superstruct'
import { message, request } from '../../runtime/types'
import {
  Amount,
  Currency,
  Line,
  Lines,
  linesOf,
  OrderId,
  ofOrder,
  oncePerOrder,
  Sku,
  Time,
  text,
  UserId,
} from '../_fields'

const UnitPrice = max(Amount, 100_000_000)
const PricedLines = linesOf(object({ ...Line.schema, unit_price: UnitPrice }))
const OnHand = max(Amount, 1_000_000_000)
const Name = text(1, 200)
const LedgerSeq = min(integer(), 1)
const RejectReason = enums(['out_of_stock', 'unknown_sku'])

const Reserved = object({ ...ofOrder, items: PricedLines, amount: Amount, currency: Currency, ledger_seq: LedgerSeq })
export type Reserved = Infer<typeof Reserved>

const Rejected = object({ ...ofOrder, reason: RejectReason, sku: Sku })
export type Rejected = Infer<typeof Rejected>

const Moved = object({ ...ofOrder, items: Lines, ledger_seq: LedgerSeq })
export type Moved = Infer<typeof Moved>

const Adjusted = object({
  sku: Sku,
  on_hand: OnHand,
  unit_price: UnitPrice,
  name: optional(Name),
  occurred_at: Time,
  ledger_seq: LedgerSeq,
})

export const Stock = object({
  sku: Sku,
  name: optional(string()),
  unit_price: optional(integer()),
  currency: optional(string()),
  on_hand: Amount,
  reserved: Amount,
  available: Amount,
})
export type Stock = Infer<typeof Stock>

/** What an operator may set, over HTTP and NATS alike. */
export const Shelf = object({ on_hand: OnHand, unit_price: optional(UnitPrice), name: optional(Name) })

const ofDecision = { order_id: OrderId, user_id: UserId, at: Time }

/** What inventory decides; the ledger keeps these, in the order in which they hold. */
export const Decision = union([
  object({ kind: literal('reserve'), ...ofDecision, items: PricedLines, amount: Amount, currency: Currency }),
  object({ kind: literal('reject'), ...ofDecision, reason: RejectReason, sku: Sku }),
  object({ kind: literal('release'), ...ofDecision, items: Lines }),
  object({ kind: literal('ship'), ...ofDecision, items: Lines }),
  object({ kind: literal('block'), order_id: OrderId }),
  object({ kind: literal('adjust'), sku: Sku, on_hand: OnHand, unit_price: UnitPrice, name: optional(Name), at: Time }),
])
export type Decision = Infer<typeof Decision>

export default {
  'events.inventory_reserved': message(Reserved, oncePerOrder('inventory_reserved')),
  'events.inventory_rejected': message(Rejected, oncePerOrder('inventory_rejected')),
  'events.inventory_released': message(Moved, oncePerOrder('inventory_released')),
  'events.inventory_shipped': message(Moved, oncePerOrder('inventory_shipped')),
  'events.inventory_adjusted': message(Adjusted, ({ sku, ledger_seq }) => `inventory_adjusted:${sku}:${ledger_seq}`),
  'rpc.check_inventory': request(object({ sku: Sku }), Stock),
  'rpc.set_inventory': request(object({ sku: Sku, ...Shelf.schema }), Stock),
  'ledger.stock': message(object({ from: LedgerSeq, decisions: array(Decision) })),
}
