import type { Config, Handler } from '../_contracts'

export const config = {
  mode: 'stream',
  subject: 'work.item',
  queue: 'work',
  emits: ['done.item'],
} satisfies Config

export default ((item, { emit }) => emit('done.item', item)) satisfies Handler<typeof config>
