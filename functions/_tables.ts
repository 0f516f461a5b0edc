import type { TableConfig } from '../runtime/types'

/** The buckets that PostgreSQL keeps where `DATABASE_URL` is set; each column says what the record says. */
export default {
  orders: {
    key: 'order_id',
    columns: {
      user_id: { type: 'text' },
      status: { type: 'text' },
      amount: { type: 'integer' },
      currency: { type: 'text' },
      created_at: { type: 'time', path: 'created.occurred_at' },
      updated_at: { type: 'time' },
      cancelled_by: { type: 'text', path: 'cancelled.by' },
      cancel_reason: { type: 'text', path: 'cancelled.reason' },
    },
    indexes: [['user_id', 'created_at', 'order_id']],
  },
  payments: {
    key: 'order_id',
    columns: {
      payment_id: { type: 'text', path: 'captured.payment_id' },
      user_id: { type: 'text' },
      status: {
        type: 'text',
        first: [
          ['refunded', 'refunded'],
          ['captured', 'captured'],
          ['declined', 'declined'],
          ['cancelled', 'cancelled'],
        ],
        otherwise: 'open',
      },
      amount: { type: 'integer' },
      currency: { type: 'text' },
      captured_at: { type: 'time', path: 'captured.at' },
      declined_at: { type: 'time', path: 'declined.at' },
      refunded_at: { type: 'time', path: 'refunded.at' },
    },
  },
} satisfies Record<string, TableConfig>
