import type { Config, Handler } from '../_contracts'

export const config = {
  mode: 'stream',
  subject: 'ledger.stock',
  queue: 'inventory',
  emits: ['events.inventory_adjusted'],
} satisfies Config

/**
 * Tells of adjustments from the ledger itself, since no event causes them that would come again if the process that
 * decided one died before it told.
 */
export default (({ from, decisions }, { emit }) => {
  for (const [index, decision] of decisions.entries()) {
    if (decision.kind !== 'adjust') continue
    const { kind: _, at, ...shelf } = decision
    emit('events.inventory_adjusted', { ...shelf, occurred_at: at, ledger_seq: from + index })
  }
}) satisfies Handler<typeof config>
