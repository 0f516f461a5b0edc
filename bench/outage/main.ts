import { findBinary } from '../../embedded/ladder'
import { startBroker } from '../../testing/broker'
import { startPostgres } from '../../testing/postgres'
import { optionsOf, seed } from '../parts/options'
import { counts, isClean } from '../parts/verdict'
import { outage } from './outage'

const { values } = optionsOf({
  name: 'outage',
  does: 'kills PostgreSQL under load, and starts it again',
  options: {
    seconds: { type: 'string', default: '600', tells: 'how long it is away' },
    around: { type: 'string', default: '15', tells: 'how many seconds orders are placed before and after' },
    'at-once': { type: 'string', default: '20', tells: 'how many customers there are' },
    seed,
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
process.setMaxListeners(0)
process.env.NATS_SERVER ||= (await findBinary({ cacheDir: '.cache', log: console.error })).path
const [broker, database] = await Promise.all([startBroker(), startPostgres()])
const { verdict, tally, placed, rows, backMs } = await outage({
  broker,
  database,
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  aroundSeconds: Number(values.around),
  atOnce: Number(values['at-once']),
  say: (line) => console.log(line),
}).finally(() => Promise.all([broker.stop(), database.stop()]))
console.log(`
PostgreSQL away     ${values.seconds} s, back for orders after ${backMs} ms
orders              ${tally.placed.size}: ${placed.before} before, ${placed.during} during, ${placed.after} after
requests            ${tally.requests}, ${tally.retried} sent again

${counts(verdict)}
rows that differ    ${rows.length}
refused or unanswered  ${tally.faults.length}
seed                ${values.seed}`)
const found = { ...verdict, rows, faults: tally.faults }
for (const [kind, ones] of Object.entries(found) as [string, string[]][]) {
  for (const one of ones.slice(0, 20)) console.log(`${kind}: ${one}`)
}
process.exit(isClean(verdict) && rows.length + tally.faults.length === 0 ? 0 : 1)
