import { connect } from 'nats'
import type { Figure } from './figure'
import { start } from './process'

/** From the command to the first answer, in starts a second. */
export async function startUp(natsUrl: string): Promise<Figure> {
  const nc = await connect({ servers: natsUrl })
  await (await start(['runtime'], { NATS_URL: natsUrl })).end()

  const round = (args: string[], subject: string, body: object) => async () => {
    const began = performance.now()
    const starting = start(args, { NATS_URL: natsUrl })
    for (;;) {
      const answer = await nc.request(subject, JSON.stringify(body), { timeout: 1_000 }).catch(() => undefined)
      if (answer) break
    }
    const ms = performance.now() - began
    await (await starting).end()
    return 1_000 / ms
  }

  return {
    name: 'start to first answer',
    unit: 'starts/s',
    contenders: [
      {
        name: 'runtime --only order',
        round: round(['runtime', '--only', 'order'], 'rpc.get_order_status', { order_id: 'x' }),
      },
      { name: 'bare script', round: round(['bench/speed/peers/hand_answer.mjs'], 'rpc.echo', {}) },
    ],
    toReach: { 'bare script': 0.5 },
    end: () => nc.close(),
  }
}
