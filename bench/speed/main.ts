import { parseArgs } from 'node:util'
import { findBinary } from '../../embedded/ladder'
import { startBroker } from '../../testing/broker'
import { type Figure, measure } from './figure'
import { flow } from './flow'
import { rpc } from './rpc'
import { stream } from './stream'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' } },
})
process.env.NATS_SERVER ||= (await findBinary({ cacheDir: '.cache', log: console.error })).path

const figures: Record<string, (natsUrl: string) => Promise<Figure>> = {
  'rpc-64': (url) => rpc(url, 64, 120_000),
  'rpc-512': (url) => rpc(url, 512, 120_000),
  stream: (url) => stream(url, 30_000),
}
if (positionals[0] === 'flow') {
  console.log(
    JSON.stringify(await flow({ count: Number(positionals[1] ?? 5_000), connections: Number(positionals[2] ?? 256) })),
  )
  process.exit(0)
}
const wanted = positionals.length > 0 ? positionals : Object.keys(figures)
const broker = await startBroker()
for (const name of wanted) {
  const make = figures[name]
  if (!make) throw new Error(`${name}: there are ${Object.keys(figures).join(', ')}`)
  const figure = await make(broker.url)
  const result = await measure(figure, Number(values.rounds))
  await figure.end()
  console.log(JSON.stringify(result))
}
await broker.stop()
process.exit(0)
