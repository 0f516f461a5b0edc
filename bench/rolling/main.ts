import { findBinary } from '../../embedded/ladder'
import { startBroker } from '../../testing/broker'
import { seed as anySeed, optionsOf } from '../parts/options'
import { rolling } from './rolling'

const { values } = optionsOf({
  name: 'rolling',
  does: 'restarts every service under load, and counts what that costs',
  options: {
    rounds: { type: 'string', default: '1', tells: 'how often each instance is restarted' },
    'orders-per-second': { type: 'string', default: '20', tells: 'how many are placed' },
    seed: anySeed,
  },
})
process.env.NATS_SERVER ||= (await findBinary({ cacheDir: '.cache', log: console.error })).path
const broker = await startBroker()
const seed = Number(values.seed)
const report = await rolling({
  natsUrl: broker.url,
  rounds: Number(values.rounds),
  ordersPerSecond: Number(values['orders-per-second']),
  seed,
  say: (line) => console.log(line),
}).finally(broker.stop)
const burnt = Object.values(report.burnt).reduce((sum, one) => sum + one, 0)
console.log(`
restarts          ${report.restarts}
orders            ${report.orders}
requests          ${report.requests}
failed requests   ${report.failed.length}
lost messages     ${report.lost.length}
burnt attempts    ${burnt}
dead letters      ${report.deadLetters}
other exits       ${report.ends.length}
seed              ${seed}`)
for (const line of [...report.failed, ...report.lost, ...report.ends].slice(0, 20)) console.log(line)
if (burnt > 0) console.log(report.burnt)
process.exit(report.failed.length + report.lost.length + burnt + report.deadLetters + report.ends.length > 0 ? 1 : 0)
