import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { findBinary } from '../../embedded/ladder'
import { probe } from '../../embedded/probe'
import { startBroker } from '../../testing/broker'
import { type Figure, measure, median } from './figure'
import { type Flow, flow } from './flow'
import { hotSku } from './hot_sku'
import { gets, posts } from './http'
import { latency } from './latency'
import { memory } from './memory'
import { rawPublishes } from './raw'
import { rpc } from './rpc'
import { startUp } from './start_up'
import { stored } from './stored'
import { stream } from './stream'
import { type Line, lineOf, table } from './table'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    write: { type: 'boolean' },
    orders: { type: 'string', default: '1000000' },
  },
})
process.env.NATS_SERVER ||= (await findBinary({ cacheDir: '.cache', log: console.error })).path
process.setMaxListeners(0)
const rounds = Number(values.rounds)

const compared: Record<string, (natsUrl: string) => Promise<Figure>> = {
  'rpc-64': (url) => rpc(url, 64, 120_000),
  'rpc-512': (url) => rpc(url, 512, 120_000),
  stream: (url) => stream(url, 60_000),
  post: (natsUrl) => posts({ natsUrl, connections: 64, count: 10_000 }),
  get: (natsUrl) => gets({ natsUrl, connections: 64, count: 30_000 }),
  'hot-sku': (url) => hotSku(url, 3_000),
  start: startUp,
}

/** Each with a broker of its own, so that what one has stored is nothing to the next. */
async function onBroker<T>(work: (natsUrl: string) => Promise<T>): Promise<T> {
  const broker = await startBroker()
  return work(broker.url).finally(broker.stop)
}

const told: Record<string, () => Promise<Line[]>> = {
  flow: async () => {
    const raws: Awaited<ReturnType<typeof rawPublishes>>[] = []
    const flows: Flow[] = []
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      raws.push(await onBroker((url) => rawPublishes(url, 200_000)))
      flows.push(await flow({ count: 8_000, connections: 64 }))
    }
    const raw = median(raws.map(({ perSecond }) => perSecond))
    const orders = median(flows.map(({ ordersPerSecond }) => ordersPerSecond))
    const writes = median(flows.map(({ writesPerOrder }) => writesPerOrder))
    const cpu = (part: 'functions' | 'broker') => median(flows.map(({ cpuMs }) => cpuMs[part]))
    const rawCpu = median(raws.map(({ cpuMs }) => cpuMs))
    return [
      { what: 'raw acked publishes/s, own mux', value: raw.toFixed(0) },
      { what: 'whole orders/s', value: orders.toFixed(0) },
      {
        what: 'acked writes an order costs',
        value: writes.toFixed(2),
        bar: '≤ 16',
        met: writes <= 16,
        detail: writesBy(flows[0]?.writes ?? {}),
      },
      {
        what: 'orders/s × writes, over raw publishes/s',
        value: ((orders * writes) / raw).toFixed(2),
        bar: '≥ 0.35',
        met: (orders * writes) / raw >= 0.35,
      },
      {
        what: 'CPU of a whole order, in raw acked publishes: functions; broker',
        value: `${(cpu('functions') / rawCpu).toFixed(0)}; ${(cpu('broker') / rawCpu).toFixed(0)}`,
      },
    ]
  },
  scale: async () => {
    const lines: Line[] = []
    let one = 0
    for (const workers of [1, 2, 4]) {
      const { ordersPerSecond } = await flow({ count: 6_000, connections: 64, workers })
      one ||= ordersPerSecond
      lines.push({
        what: `whole orders/s with ${workers} × \`--only order,inventory,payment,delivery\`, over one`,
        value: `${(ordersPerSecond / one).toFixed(2)}×`,
        detail: `${ordersPerSecond.toFixed(0)} orders/s`,
      })
    }
    return lines
  },
  stored: async () => {
    const { samples, few, most, bytesAnOrder } = await stored(Number(values.orders), Math.min(rounds, 5))
    const [first, last] = [samples[0], samples.at(-1)]
    return [
      {
        what: `throughput at ${last?.orders.toLocaleString('en')} stored orders, over that at 10,000`,
        value: `${(most / few).toFixed(2)}×`,
        bar: '≥ 0.9×',
        met: most / few >= 0.9,
        detail: `${most.toFixed(0)} and ${few.toFixed(0)} orders/s, in turns`,
      },
      {
        what: `memory of everything but the broker after ${last?.orders.toLocaleString('en')} orders`,
        value: `${last?.functions.toFixed(0)} MiB`,
        bar: 'flat',
        detail: `${first?.functions.toFixed(0)} MiB after ${first?.orders.toLocaleString('en')}`,
      },
      {
        what: 'bytes of the broker an order: memory; disk',
        value: `${bytesAnOrder.memory.toFixed(0)}; ${bytesAnOrder.disk.toFixed(0)}`,
      },
    ]
  },
  latency: async () => {
    const { postP99, assignedP99, floorP99 } = await onBroker((url) => latency(url, 10))
    return [
      {
        what: 'POST at 100 orders/s, p99 over that of a request and a publish',
        value: (postP99 / floorP99).toFixed(1),
        bar: '≤ 4',
        met: postP99 / floorP99 <= 4,
      },
      { what: 'created → assigned at 100 orders/s, p99', value: `${assignedP99.toFixed(0)} ms` },
    ]
  },
  memory: async () => {
    const { oneFunction, everything } = await memory()
    return [
      {
        what: 'memory of one function’s process, idle',
        value: `${oneFunction.toFixed(0)} MiB`,
        bar: '≤ 90',
        met: oneFunction <= 90,
      },
      {
        what: 'memory of everything with the broker, idle',
        value: `${everything.toFixed(0)} MiB`,
        bar: '≤ 250',
        met: everything <= 250,
      },
    ]
  },
}

/** The most first. */
const writesBy = (writes: Record<string, number>) =>
  Object.entries(writes)
    .toSorted(([, one], [, other]) => other - one)
    .map(([stream, many]) => `${stream} ${many.toFixed(2)}`)
    .join(', ')

const all = [...Object.keys(compared), ...Object.keys(told)]
const unknown = positionals.find((name) => !all.includes(name))
if (unknown) {
  console.error(`bench: no figure is named ${unknown}; there are ${all.join(', ')}`)
  process.exit(2)
}
const info = await onBroker(async (url) => probe('127.0.0.1', Number(new URL(url).port)))
const version = typeof info === 'object' ? info.version : ''
console.log(`nats-server ${version}, node ${process.version}, ${rounds} rounds`)
const lines: Line[] = []
for (const name of positionals.length > 0 ? positionals : all) {
  const make = compared[name]
  const found = make
    ? lineOf(
        await onBroker(async (url) => {
          const figure = await make(url)
          return measure(figure, rounds).finally(figure.end)
        }),
      )
    : await (told[name] as () => Promise<Line[]>)()
  lines.push(...found)
  for (const { what, value, bar, met, detail } of found) {
    console.log(`${what}: ${value}${bar ? `  (${bar}${met ? '' : ', not met'})` : ''}${detail ? `  ${detail}` : ''}`)
  }
}
await mkdir('dist/bench', { recursive: true })
await writeFile(
  'dist/bench/speed.json',
  `${JSON.stringify({ version, node: process.version, rounds, lines }, null, 2)}\n`,
)
if (values.write) {
  const path = 'bench/README.md'
  const readme = await readFile(path, 'utf8')
  await writeFile(
    path,
    readme.replace(/<!-- figures -->.*<!-- \/figures -->/s, `<!-- figures -->\n${table(lines)}\n<!-- /figures -->`),
  )
}
process.exit(0)
