import type { Random } from './random'

/** What really happened to one payment. */
export interface Entry {
  amount: number
  currency: string
  payment_id: string
  captures: number
  refunds: number
  declined: boolean
  voided: boolean
  /** Calls that named the same payment with other facts. */
  conflicts: number
}

export interface BankCall {
  call: 'capture' | 'void' | 'refund'
  key: string
  amount: number
  currency: string
  payment_id?: string
}

export interface BankAnswer {
  status: number
  body: { status: string; payment_id?: string }
}

export interface BankLedger {
  entries(): Record<string, Entry>
  /** Does what is asked, once for each key; `declining` declines a payment that is new. */
  does(call: BankCall, declining?: boolean): BankAnswer
}

/** The rules of docs/payment.md, in memory; declines what is above `limit`. */
export function openBankLedger(limit: number): BankLedger {
  const entries = new Map<string, Entry>()

  const entryOf = ({ key, amount, currency }: BankCall): Entry => {
    const payment_id = `bank-${key}`
    const fresh = {
      amount,
      currency,
      payment_id,
      captures: 0,
      refunds: 0,
      declined: false,
      voided: false,
      conflicts: 0,
    }
    const entry = entries.get(key) ?? fresh
    entries.set(key, entry)
    return entry
  }

  const conflict = (entry: Entry): BankAnswer => {
    entry.conflicts++
    return { status: 409, body: { status: 'conflict' } }
  }

  const capture = (entry: Entry, declining: boolean): BankAnswer => {
    if (entry.voided) return { status: 410, body: { status: 'voided' } }
    if (entry.captures === 0 && (declining || entry.amount > limit)) entry.declined = true
    if (entry.declined) return { status: 402, body: { status: 'declined' } }
    if (entry.captures === 0) entry.captures++
    return captured(entry)
  }

  const voids = (entry: Entry): BankAnswer => {
    if (entry.captures > 0) return captured(entry)
    entry.voided = true
    return { status: 200, body: { status: 'voided' } }
  }

  const refund = (entry: Entry, payment_id?: string): BankAnswer => {
    if (entry.captures === 0 || payment_id !== entry.payment_id) return conflict(entry)
    if (entry.refunds === 0) entry.refunds++
    return { status: 200, body: { status: 'refunded' } }
  }

  return {
    entries: () => Object.fromEntries(entries),
    does(call, declining = false) {
      const entry = entryOf(call)
      if (entry.amount !== call.amount || entry.currency !== call.currency) return conflict(entry)
      if (call.call === 'capture') return capture(entry, declining)
      return call.call === 'void' ? voids(entry) : refund(entry, call.payment_id)
    },
  }
}

const captured = ({ payment_id }: Entry): BankAnswer => ({ status: 200, body: { status: 'captured', payment_id } })

/** The ways in which a call goes wrong. */
export const faults = {
  /** Is not done, and not answered. */
  hang: { does: 'never', answer: 'none' },
  /** Is done only once the caller has given up. */
  late: { does: 'late', answer: 'none' },
  /** Is done, and not answered. */
  silent: { does: 'first', answer: 'none' },
  /** Is done, and the connection breaks. */
  lost: { does: 'first', answer: 'broken' },
  /** Is not done: 500. */
  fail: { does: 'never', answer: '500' },
  /** Is done: 500. */
  stumble: { does: 'first', answer: '500' },
  /** Is done: 200, with a page. */
  garbled: { does: 'first', answer: 'page' },
  /** A capture that is new is declined for good. */
  decline: { does: 'declined', answer: 'clear' },
} as const

export type Fault = keyof typeof faults

/** One of the faults by its share of all calls, as 0.1; or none. */
export function drawn(shares: Partial<Record<Fault, number>>, choices: Random): Fault | undefined {
  let left = choices.whole(0, 999_999) / 1e6
  for (const [fault, share] of Object.entries(shares) as [Fault, number][]) {
    if (left < share) return fault
    left -= share
  }
  return undefined
}
