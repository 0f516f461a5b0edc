import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { findBinary } from '../../embedded/ladder'
import { replicates, serverOfClusters, startCluster } from '../../tests/support/cluster'
import { optionsOf } from '../parts/options'
import { median } from '../speed/figure'
import { figures, openPlace, type Place, type Scaled } from './figures'
import { type Grown, type Held, heldOfMessages, heldOfOrders } from './held'

const kinds = [...Object.keys(figures), 'held', 'kept']
const { values, positionals } = optionsOf({
  name: 'scale',
  does: 'measures more processes on a cluster of three, and what the nodes hold',
  figures: kinds,
  options: {
    rounds: { type: 'string', default: '3', tells: 'how often each figure is measured' },
    processes: { type: 'string', default: '1,2,4', tells: 'how many of the function that is measured' },
    orders: { type: 'string', default: '4000', tells: 'how many kept counts, after half as many' },
    write: { type: 'boolean', tells: 'puts the tables into bench/README.md' },
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
process.env.NATS_SERVER = serverOfClusters() ?? (await findBinary({ cacheDir: '.cache', log: console.error })).path
if (!replicates(process.env.NATS_SERVER)) {
  console.error(`scale: ${process.env.NATS_SERVER} is too old for replicas; NATS_SERVER names one of 2.11 or newer`)
  process.exit(2)
}
process.setMaxListeners(0)
const wanted = positionals.length > 0 ? positionals : kinds
const counts = values.processes.split(',').map(Number)

/** Each on a cluster of its own, so that what one has stored is nothing to the next. */
async function onCluster<T>(replicas: number, work: (place: Place) => Promise<T>): Promise<T> {
  const cluster = await startCluster()
  const place = await openPlace(cluster, replicas)
  return work(place).finally(async () => {
    await place.nc.close()
    await cluster.stop()
  })
}

const scaled: Scaled[] = []
for (const name of wanted.filter((name) => name in figures)) {
  const figure = figures[name as keyof typeof figures]
  for (let round = 0; round < Number(values.rounds); round++) {
    // A B A B: what drifts on the machine drifts for both.
    for (const replicas of [1, 3]) {
      for (const line of await onCluster(replicas, (place) => figure(place, counts))) {
        scaled.push(line)
        console.log(JSON.stringify(line))
      }
    }
  }
}
const held: Held[] = []
let streams: Record<string, Grown> = {}
if (wanted.includes('held')) {
  for (const kind of ['message', 'id', 'subject'] as const) {
    const line = await onCluster(3, (place) => heldOfMessages(place, kind))
    held.push(line)
    console.log(JSON.stringify(line))
  }
}
if (wanted.includes('kept')) {
  const { streams: grown, ...ofOrders } = await onCluster(3, (place) => heldOfOrders(place, Number(values.orders)))
  held.push(ofOrders)
  streams = grown
}

const cell = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1))
const row = (cells: unknown[]) => `| ${cells.join(' | ')} |`

/** The median of the rounds with the least and the most; CPU as the median. */
function scaleTable(): string {
  const places = new Map<string, Scaled[]>()
  for (const line of scaled) {
    const key = `${line.figure} ${line.replicas} ${line.processes}`
    places.set(key, [...(places.get(key) ?? []), line])
  }
  const rows = [...places.values()].map((lines) => {
    const [{ figure, replicas, processes }] = lines as [Scaled]
    const rates = lines.map(({ perSecond }) => perSecond)
    const cpu = (group: string) => {
      const found = lines.map(({ cpu }) => cpu[group]).filter((one) => one !== undefined)
      return found.length > 0 ? cell(median(found)) : ''
    }
    const beside = cpu('callers') || cpu('gateway') || cpu('audit')
    const span = `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`
    return row([
      figure,
      replicas,
      processes,
      `${median(rates).toFixed(0)} (${span})`,
      cpu('functions'),
      beside,
      cpu('nodes'),
    ])
  })
  return [
    '| what | replicas | processes | a second | µs of CPU each: functions | beside them | the three nodes |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function heldTable(): string {
  const rows = held.map(({ what, memory, disk, detail }) => row([what, cell(memory), cell(disk), detail]))
  const grown = Object.entries(streams).filter(([, { writes }]) => writes > 0.001)
  return [
    '| one more of | bytes of memory | bytes on disk | |',
    '|---|---|---|---|',
    ...rows,
    '',
    '| stream | writes an order | messages kept | bytes kept | subjects |',
    '|---|---|---|---|---|',
    ...grown.map(([name, { writes, messages, bytes, subjects }]) =>
      row([name, writes.toFixed(2), messages.toFixed(2), bytes.toFixed(0), subjects.toFixed(2)]),
    ),
  ].join('\n')
}

const tables = { ...(scaled.length > 0 && { scale: scaleTable() }), ...(held.length > 0 && { held: heldTable() }) }
for (const table of Object.values(tables)) console.log(`\n${table}`)
await mkdir('dist/bench', { recursive: true })
await writeFile('dist/bench/scale.json', `${JSON.stringify({ scaled, held, streams }, null, 2)}\n`)
if (values.write) {
  const path = 'bench/README.md'
  let readme = await readFile(path, 'utf8')
  for (const [name, table] of Object.entries(tables)) {
    readme = readme.replace(
      new RegExp(`<!-- ${name} -->.*<!-- /${name} -->`, 's'),
      `<!-- ${name} -->\n${table}\n<!-- /${name} -->`,
    )
  }
  await writeFile(path, readme)
}
process.exit(0)
