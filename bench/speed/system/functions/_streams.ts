import type { StreamConfig } from '../../../../runtime/types'

export default {
  WORK: { subjects: ['work.*'], description: 'what is to be done' },
  DONE: { subjects: ['done.*'], description: 'what is' },
} satisfies Record<string, StreamConfig>
