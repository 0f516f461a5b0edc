import type { Config, Handler } from '../_contracts'
import { simulatedLegMs } from '../_environment'
import { travel } from './_simulation'

export const config = {
  mode: 'stream',
  subject: 'events.delivery_assigned',
  queue: 'delivery',
  requests: ['rpc.update_delivery'],
  maxAgeMs: 24 * 3_600_000,
  replay: 'never',
} satisfies Config

export const setup = simulatedLegMs

export default (async (body, { request, later }) => {
  await travel('picked_up', { body, later, update: (report) => request('rpc.update_delivery', report) })
}) satisfies Handler<typeof config>
