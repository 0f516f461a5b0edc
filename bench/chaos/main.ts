import { findBinary } from '../../embedded/ladder'
import { probe } from '../../embedded/probe'
import { startPostgres } from '../../testing/postgres'
import { serverOfClusters } from '../../tests/support/cluster'
import { optionsOf, seed } from '../parts/options'
import { counts, isClean } from '../parts/verdict'
import { oneBroker, threeBrokers } from './brokers'
import { chaos } from './chaos'
import { canIsolate } from './host'

const { values } = optionsOf({
  name: 'chaos',
  does: 'kills processes and the broker under load, on links that repeat, delay and break',
  options: {
    seed,
    orders: { type: 'string', default: '10000', tells: 'how many are placed at least' },
    kills: { type: 'string', default: '200', tells: 'how many processes are killed at least' },
    'broker-kills': { type: 'string', default: '20', tells: 'how often the broker is killed at least' },
    'at-once': { type: 'string', default: '60', tells: 'how many customers there are' },
    every: { type: 'string', default: '2000', tells: 'milliseconds between two blows' },
    'one-network': { type: 'boolean', tells: 'makes no network namespaces, where it could' },
    postgres: { type: 'boolean', tells: 'keeps orders and payments in PostgreSQL, and kills that, too' },
    cluster: { type: 'boolean', tells: 'runs on three servers in place of one' },
  },
})
// What was started ends with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
process.setMaxListeners(0)
if (values.cluster) process.env.NATS_SERVER = serverOfClusters()
process.env.NATS_SERVER ||= (await findBinary({ cacheDir: '.cache', log: console.error })).path
const brokers = await (values.cluster ? threeBrokers() : oneBroker())
const database = values.postgres ? await startPostgres() : undefined
const info = await probe('127.0.0.1', brokers.ports[0] as number)
const isolated = !values['one-network'] && (await canIsolate())
const network = isolated ? 'a network namespace for each process' : 'partitions by the proxy alone'
const servers = values.cluster ? ', a cluster of three' : ''
console.log(`nats-server ${typeof info === 'object' ? info.version : ''}${servers}, seed ${values.seed}, ${network}`)
const { verdict, tally, kills, disturbed } = await chaos({
  brokers,
  database,
  seed: Number(values.seed),
  orders: Number(values.orders),
  kills: Number(values.kills),
  brokerKills: Number(values['broker-kills']),
  atOnce: Number(values['at-once']),
  everyMs: Number(values.every),
  isolated,
  say: (line) => console.log(line),
}).finally(() => Promise.all([brokers.stop(), database?.stop()]))
const ends = [...tally.placed.values()].map(({ status }) => status)
console.log(`
orders              ${tally.placed.size}, ${ends.filter((status) => status === 'delivered').length} delivered
requests            ${tally.requests}, ${tally.retried} sent again
kills               ${kills.process + kills.broker}: ${kills.process} of processes, ${kills.broker} of the broker${database ? `; PostgreSQL's ${kills.database}` : ''}
other blows         ${kills.graceful} restarts, ${kills.partitions} partitions
messages disturbed  ${disturbed.duplicated} twice, ${disturbed.delayed} late

${counts(verdict)}
refused or unanswered  ${tally.faults.length}`)
for (const [kind, found] of Object.entries({ ...verdict, faults: tally.faults }) as [string, string[]][]) {
  for (const one of found.slice(0, 20)) console.log(`${kind}: ${one}`)
}
const clean = isClean(verdict) && tally.faults.length === 0
if (!clean)
  console.log(
    `\nrepeat it with: npm run chaos -- ${values.cluster ? '--cluster ' : ''}${values.postgres ? '--postgres ' : ''}--seed ${values.seed}`,
  )
process.exit(clean ? 0 : 1)
