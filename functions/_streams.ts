import type { StreamConfig } from '../runtime/types'

const days = 24 * 3_600_000

/** What JetStream keeps. `<STREAM>_MAX_AGE` and `<STREAM>_MAX_BYTES` in the environment narrow it. */
export default {
  EVENTS: { subjects: ['events.*'], description: 'DeliveryFlow: every domain event, the truth' },
  JOBS: { subjects: ['jobs.*'], description: 'DeliveryFlow: work for one member of a queue group', maxAgeMs: 7 * days },
} satisfies Record<string, StreamConfig>
