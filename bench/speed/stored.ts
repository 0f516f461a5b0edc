import { median } from './figure'
import { openSystem, type System } from './flow'
import { memoryOf } from './usage'

interface Sample {
  orders: number
  ordersPerSecond: number
  /** MiB. */
  functions: number
  broker: number
}

export interface Stored {
  samples: Sample[]
  /** Whole orders a second with `few` stored ones and with `most`, in turns. */
  few: number
  most: number
  /** What one more order takes at the broker. */
  bytesAnOrder: { memory: number; disk: number }
}

const few = 10_000
const connections = 64
const atOnce = 3_000

/** Whole orders, all of them placed over HTTP and brought to their courier, until `most` are stored, or SIGUSR2 says enough. */
export async function stored(most: number, rounds: number): Promise<Stored> {
  const large = await openSystem({ connections })
  const samples: Sample[] = []
  const step = Math.max(few, most / 20)
  const disk: number[] = []
  let isEnough = false
  process.once('SIGUSR2', () => {
    isEnough = true
  })
  for (let orders = 0; orders < most && !isEnough; ) {
    const ms = await large.place(step)
    orders += step
    samples.push({ orders, ordersPerSecond: (step / ms) * 1_000, ...held(large) })
    disk.push(await large.bytes())
    console.error(JSON.stringify(samples.at(-1)))
  }
  const small = await openSystem({ connections })
  await small.place(few)
  const turns: { small: number; large: number }[] = []
  for (let round = 0; round < rounds; round++) {
    turns.push({ small: await perSecond(small), large: await perSecond(large) })
  }
  await large.end()
  await small.end()
  const [first, last] = [samples[0] as Sample, samples.at(-1) as Sample]
  const more = last.orders - first.orders
  return {
    samples,
    few: median(turns.map((one) => one.small)),
    most: median(turns.map((one) => one.large)),
    bytesAnOrder: {
      memory: ((last.broker - first.broker) * 2 ** 20) / more,
      disk: ((disk.at(-1) ?? 0) - (disk[0] ?? 0)) / more,
    },
  }
}

const perSecond = async (system: System) => (atOnce / (await system.place(atOnce))) * 1_000

const held = ({ functionPids, brokerPid }: System) => ({
  functions: functionPids.reduce((sum, pid) => sum + memoryOf(pid), 0) / 2 ** 20,
  broker: memoryOf(brokerPid) / 2 ** 20,
})
