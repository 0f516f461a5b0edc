/** What a newcomer drops in: one file, one subject, one default export. */
export const points = `
import type { Config, Handler } from '../_contracts'

export const config = { subject: 'events.delivery_completed', mode: 'stream' } satisfies Config

export default (async ({ user_id }, { log }) => log.info({ user: user_id }, 'a point')) satisfies Handler<typeof config>
`
