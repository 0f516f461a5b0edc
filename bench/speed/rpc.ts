import { connect } from 'nats'
import type { Figure } from './figure'
import { start } from './process'

const system = 'bench/speed/system/manifest.json'
const ofUs = (name: string) => ['runtime', '--manifest', system, '--only', name]

/** Requests through the runtime on both sides, each side a process: contract, deadline and trace of both included. */
export async function rpc(natsUrl: string, inFlight: number, count: number): Promise<Figure> {
  const env = { NATS_URL: natsUrl }
  const nc = await connect({ servers: natsUrl })

  const round = async (answering: string[], driving: string[]) => {
    const [answers, drives] = [await start(answering, env), await start(driving, env)]
    const drive = async (many: number) => {
      const answer = await nc.request('rpc.drive', JSON.stringify({ count: many, inFlight }), { timeout: 60_000 })
      const { ms } = answer.json<{ ms?: number }>()
      if (!ms) throw new Error(answer.string())
      return (many / ms) * 1_000
    }
    await drive(count / 2)
    const rate = await drive(count)
    await Promise.all([answers.end(), drives.end()])
    return rate
  }

  return {
    name: `rpc, ${inFlight} in flight`,
    unit: 'requests/s',
    contenders: [
      { name: 'runtime', round: () => round(ofUs('echo/answer'), ofUs('echo/drive')) },
      {
        name: 'by hand',
        round: () => round(['bench/speed/peers/hand_answer.mjs'], ['bench/speed/peers/hand_drive.mjs']),
      },
    ],
    toReach: { 'by hand': 1.5 },
    end: () => nc.close(),
  }
}
