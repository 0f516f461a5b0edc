import { findBinary } from '../../embedded/ladder'
import { probe } from '../../embedded/probe'
import { startBroker } from '../../testing/broker'
import { optionsOf, seed } from '../parts/options'
import { explore } from './explore'
import { pointOf } from './victim'

const { values } = optionsOf({
  name: 'crash',
  does: 'kills each function at each of its steps',
  options: {
    seed,
    point: { type: 'string', tells: 'tries this one alone, written as it is printed' },
    times: { type: 'string', default: '1', tells: 'how often each point is tried' },
    seconds: { type: 'string', tells: 'takes a sample, and begins no further point after so long' },
  },
})
// What was started ends with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
process.setMaxListeners(0)
process.env.NATS_SERVER ||= (await findBinary({ cacheDir: '.cache', log: console.error })).path
const broker = await startBroker()
const info = await probe('127.0.0.1', broker.port)
console.log(`nats-server ${typeof info === 'object' ? info.version : ''}, seed ${values.seed}`)
const began = Date.now()
const explored = await explore({
  natsUrl: broker.url,
  seed: Number(values.seed),
  point: values.point === undefined ? undefined : pointOf(values.point),
  times: Number(values.times),
  limitMs: values.seconds === undefined ? undefined : Number(values.seconds) * 1_000,
  say: (line) => console.log(line),
}).finally(broker.stop)
console.log(`
points        ${explored.points}
kills         ${explored.kills}
not reached   ${explored.passed.length}
orders        ${explored.orders}
requests      ${explored.requests}, ${explored.retried} sent again
failed        ${explored.failed.length}
seconds       ${Math.round((Date.now() - began) / 1_000)}`)
for (const point of explored.passed) console.log(`not reached: ${point}`)
for (const { point } of explored.failed) {
  console.log(`\nrepeat it with: npm run crash -- --seed ${values.seed} --point '${point}'`)
}
// A run that kills nobody has shown nothing.
const idle = explored.kills === 0 || (values.point !== undefined && explored.passed.length > 0)
if (idle) console.log('\nno process was killed')
process.exit(explored.failed.length > 0 || idle ? 1 : 0)
