import { setTimeout as sleep } from 'node:timers/promises'
import type { Config, Handler } from '../_contracts'

export const config = { mode: 'rpc', subject: 'rpc.wait', queue: 'wait', concurrency: 16 } satisfies Config

const asLongAsAPaymentMs = 50

/** Answers as one does who has to ask somebody outside: it waits, and costs next to nothing. */
export default (async (said) => {
  await sleep(asLongAsAPaymentMs)
  return said
}) satisfies Handler<typeof config>
