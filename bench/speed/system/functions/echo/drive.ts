import type { Config, Handler } from '../_contracts'

export const config = { mode: 'rpc', subject: 'rpc.drive', queue: 'drive', requests: ['rpc.echo'] } satisfies Config

/** Asks so often, so many at once, and tells how long it took; every answer is looked at. */
export default (async ({ count, inFlight }, { request }) => {
  const began = performance.now()
  let next = 0
  const one = async () => {
    while (next < count) {
      const n = next++
      const { body } = await request('rpc.echo', { n, text: 'an order as small as this' })
      if (body.n !== n) throw new Error(`asked ${n}, answered ${body.n}`)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  return { ms: performance.now() - began }
}) satisfies Handler<typeof config>
