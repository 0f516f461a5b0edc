import type { Config, Handler } from '../_contracts'

export const config = {
  mode: 'rpc',
  subject: 'rpc.greet',
  queue: 'greeting',
  emits: ['greetings.said'],
  stores: ['greetings'],
} satisfies Config

/** Greets, and tells the world, once for each greeting. */
export default (async ({ name }, { store, emit }) => {
  const nth = await store<number>('greetings').update(name, (known = 0) => known + 1)
  emit('greetings.said', { name, nth })
  return { text: nth === 1 ? `Hello ${name}` : `Hello again, ${name}` }
}) satisfies Handler<typeof config>
