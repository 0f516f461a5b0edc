import { setTimeout as sleep } from 'node:timers/promises'
import { startBroker } from '../../testing/broker'
import { start } from './process'
import { memoryOf } from './usage'

const settleMs = 5_000

/** MiB held by one function's process, and by everything with the broker, with nothing to do. */
export async function memory(): Promise<{ oneFunction: number; everything: number }> {
  const broker = await startBroker()
  const env = { NATS_URL: broker.url }
  const all = await start(['runtime'], env)
  await sleep(settleMs)
  const everything = memoryOf(all.pid) + memoryOf(broker.pid)
  const one = await start(['runtime', '--only', 'order/status'], env)
  await sleep(settleMs)
  const oneFunction = memoryOf(one.pid)
  await one.end()
  await all.end()
  await broker.stop()
  return { oneFunction: oneFunction / 2 ** 20, everything: everything / 2 ** 20 }
}
