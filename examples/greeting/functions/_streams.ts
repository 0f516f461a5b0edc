import type { StreamConfig } from '../../../runtime/types'

export default { GREETINGS: { subjects: ['greetings.*'] } } satisfies Record<string, StreamConfig>
