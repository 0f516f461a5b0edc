import type { Config, Handler } from '../_contracts'

export const config = { mode: 'stream', subject: 'greetings.said' } satisfies Config

/** Hears every greeting, also those said while it was away. */
export default (async ({ name, nth }, { log }) => {
  if (nth === 1) log.info({ name }, 'somebody new: send flowers')
}) satisfies Handler<typeof config>
