import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { findBinary } from '../../embedded/ladder'
import { probe } from '../../embedded/probe'
import { startBroker } from '../../testing/broker'
import { optionsOf } from '../parts/options'
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
import { type Line, lineOf, overRuns, shown, table } from './table'

const compared: Record<string, (natsUrl: string) => Promise<Figure>> = {
  'rpc-64': (url) => rpc(url, 64, 120_000),
  'rpc-512': (url) => rpc(url, 512, 120_000),
  stream: (url) => stream(url, 150_000),
  post: (natsUrl) => posts({ natsUrl, connections: 64, count: 30_000 }),
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
      flows.push(await flow({ count: 16_000, connections: 64 }))
    }
    const cpu = (part: 'functions' | 'broker') => median(flows.map(({ cpuMs }) => cpuMs[part]))
    const raw = median(raws.map(({ perSecond }) => perSecond))
    const orders = median(flows.map(({ ordersPerSecond }) => ordersPerSecond))
    const writes = median(flows.map(({ writesPerOrder }) => writesPerOrder))
    const rawCpu = median(raws.map(({ cpuMs }) => cpuMs))
    return [
      { what: 'raw acked publishes/s, own mux', value: raw },
      { what: 'whole orders/s', value: orders },
      {
        what: 'acked writes an order costs',
        value: writes,
        most: 16,
        detail: writesBy(flows[0]?.writes ?? {}),
      },
      { what: 'orders/s × writes, over raw publishes/s', value: (orders * writes) / raw, unit: '×', least: 0.35 },
      { what: 'CPU of the functions for a whole order', value: cpu('functions') / rawCpu, unit: ' raw publishes' },
      { what: 'CPU of the broker for a whole order', value: cpu('broker') / rawCpu, unit: ' raw publishes' },
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
        value: ordersPerSecond / one,
        unit: '×',
        detail: `${ordersPerSecond.toFixed(0)} orders/s`,
      })
    }
    return lines
  },
  latency: async () => {
    const { postP99, assignedP99, floorP99 } = await onBroker((url) => latency(url, 10))
    return [
      {
        what: 'POST at 100 orders/s, p99 over that of a request and a publish',
        value: postP99 / floorP99,
        unit: '×',
        most: 4,
        detail: `${postP99.toFixed(1)} and ${floorP99.toFixed(1)} ms`,
      },
      { what: 'created → assigned at 100 orders/s, p99', value: assignedP99, unit: ' ms' },
    ]
  },
  memory: async () => {
    const { oneFunction, everything } = await memory()
    return [
      { what: 'memory of one function’s process, idle', value: oneFunction, unit: ' MiB', most: 90 },
      { what: 'memory of everything with the broker, idle', value: everything, unit: ' MiB', most: 250 },
    ]
  },
}

/** Takes an hour and more, so it is measured where it is named. */
const long: Record<string, () => Promise<Line[]>> = {
  stored: async () => {
    const { samples, few, most, bytesAnOrder } = await stored(Number(values.orders), Math.min(rounds, 5))
    const last = samples.at(-1)
    const many = last?.orders.toLocaleString('en')
    return [
      {
        what: `whole orders/s with ${many} stored, over that with 10,000`,
        value: most / few,
        unit: '×',
        least: 0.9,
        detail: `${most.toFixed(0)} and ${few.toFixed(0)} orders/s, in turns`,
      },
      {
        what: `memory of all functions after ${many} orders`,
        value: last?.functions ?? 0,
        unit: ' MiB',
        detail: samples.map(({ orders, functions }) => `${functions.toFixed(0)} after ${orders / 1_000} k`).join(', '),
      },
      { what: 'memory of the broker an order', value: bytesAnOrder.memory, unit: ' bytes' },
      { what: 'disk of the broker an order', value: bytesAnOrder.disk, unit: ' bytes' },
    ]
  },
}

/** The most first. */
const writesBy = (writes: Record<string, number>) =>
  Object.entries(writes)
    .toSorted(([, one], [, other]) => other - one)
    .map(([stream, many]) => `${stream} ${many.toFixed(2)}`)
    .join(', ')

const usual = [...Object.keys(compared), ...Object.keys(told)]
const { values, positionals } = optionsOf({
  name: 'speed',
  does: 'measures us beside what people would use instead; npm run bench installs that first',
  figures: [...usual, ...Object.keys(long)],
  options: {
    rounds: { type: 'string', default: '5', tells: 'how often each figure is measured, in turns' },
    runs: { type: 'string', default: '1', tells: 'how often all of it is measured; the median is told' },
    orders: {
      type: 'string',
      default: '1000000',
      tells: 'how many the figure stored stores; it is measured only where it is named',
    },
    write: { type: 'boolean', tells: 'puts the table into bench/README.md' },
  },
})
const rounds = Number(values.rounds)
process.env.NATS_SERVER ||= (await findBinary({ cacheDir: '.cache', log: console.error })).path
process.setMaxListeners(0)
const info = await onBroker(async (url) => probe('127.0.0.1', Number(new URL(url).port)))
const version = typeof info === 'object' ? info.version : ''
console.log(`nats-server ${version}, node ${process.version}, ${values.runs} runs of ${rounds} rounds`)

async function linesOf(name: string): Promise<Line[]> {
  const compare = compared[name]
  if (!compare) return ((told[name] ?? long[name]) as () => Promise<Line[]>)()
  return onBroker(async (url) => {
    const figure = await compare(url)
    return lineOf(await measure(figure, rounds).finally(figure.end))
  })
}

const runs: Line[][] = []
for (let run = 0; run < Number(values.runs); run++) {
  const lines: Line[] = []
  for (const name of positionals.length > 0 ? positionals : usual) {
    const found = await linesOf(name)
    lines.push(...found)
    for (const line of overRuns([found])) {
      const { value, bar } = shown(line)
      console.log(`${line.what}: ${value}${bar && `  (${bar.replaceAll('*', '')})`}  ${line.detail ?? ''}`)
    }
  }
  runs.push(lines)
}
const lines = overRuns(runs)
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
