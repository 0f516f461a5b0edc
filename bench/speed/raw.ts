import { connect } from 'nats'
import { openLink } from './link'

const inFlight = 512
const cpuMsOf = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1_000

/** Acked JetStream publishes through our own mux, as large as an order's event: what broker and client can do at best. */
export async function rawPublishes(natsUrl: string, count: number): Promise<{ perSecond: number; cpuMs: number }> {
  const nc = await connect({ servers: natsUrl })
  await (await nc.jetstreamManager()).streams.add({ name: 'RAW', subjects: ['raw.*'] })
  await nc.close()
  const { js, close } = await openLink(natsUrl)
  const body = JSON.stringify({ n: 0, text: 'x'.repeat(200) })

  const publish = async (many: number) => {
    let next = 0
    const one = async () => {
      while (next < many) {
        next++
        await js.publish('raw.event', body, {})
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
  }

  await publish(count / 2)
  const began = performance.now()
  const cpu = process.cpuUsage()
  await publish(count)
  const ms = performance.now() - began
  const used = cpuMsOf(process.cpuUsage(cpu)) / count
  await close()
  return { perSecond: (count / ms) * 1_000, cpuMs: used }
}
