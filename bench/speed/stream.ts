import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'nats'
import type { Figure } from './figure'
import { start } from './process'

const moleculer = 'bench/speed/peers/moleculer_work.mjs'

/** A backlog in a stream, handled to the end: each message consumed, what follows published with its ack awaited, acked. */
export async function stream(natsUrl: string, most: number): Promise<Figure> {
  const env = { NATS_URL: natsUrl }
  const nc = await connect({ servers: natsUrl, noAsyncTraces: true })
  const jsm = await nc.jetstreamManager()

  let from = 0

  const round = async (args: string[], count = most) => {
    // The broker knows the ids of earlier rounds.
    from += most
    // Makes streams and durable; then all is emptied for the round.
    await (
      await start(['runtime', '--manifest', 'bench/speed/system/manifest.json', '--only', 'task/handle'], env)
    ).end()
    await jsm.consumers.delete('WORK', 'task__handle').catch(() => undefined)
    await jsm.streams.purge('WORK')
    await jsm.streams.purge('DONE')
    const js = nc.jetstream()
    for (let n = 0; n < count; n += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, index) =>
          js.publish('work.item', JSON.stringify({ n: from + n + index, text: 'as much as there is to say' })),
        ),
      )
    }
    const done = async () => (await jsm.streams.info('DONE')).state.messages
    const worker = await start(args, env)
    // What a process does in its first second is compiled while it runs, and is not measured.
    let first = await done()
    while (first < count / 3) {
      await sleep(20)
      first = await done()
    }
    const began = performance.now()
    while ((await done()) < count) await sleep(20)
    for (;;) {
      const info = await jsm.consumers.info('WORK', 'task__handle')
      if (info.num_pending === 0 && info.num_ack_pending === 0) break
      await sleep(5)
    }
    const ms = performance.now() - began
    await worker.end()
    await jsm.consumers.delete('WORK', 'task__handle')
    if ((await done()) !== count) throw new Error(`${await done()} done of ${count}`)
    return ((count - first) / ms) * 1_000
  }

  return {
    name: 'stream handler with an emit',
    unit: 'messages/s',
    contenders: [
      {
        name: 'runtime',
        round: () => round(['runtime', '--manifest', 'bench/speed/system/manifest.json', '--only', 'task/handle']),
      },
      { name: 'by hand', round: () => round(['bench/speed/peers/hand_work.mjs']) },
      // As it comes it handles one message at a time, so that the same backlog would take minutes.
      { name: '@moleculer/channels', round: () => round([moleculer], most / 10) },
      { name: '@moleculer/channels, 64 at once', round: () => round([moleculer, '64']) },
    ],
    toReach: { 'by hand': 1.5, '@moleculer/channels': 10 },
    end: () => nc.close(),
  }
}
