import { parseArgs } from 'node:util'
import { findBinary } from '../../embedded/ladder'
import { probe } from '../../embedded/probe'
import { startPostgres } from '../../testing/postgres'
import { serverOfClusters } from '../../tests/support/cluster'
import { isClean } from '../parts/verdict'
import { oneBroker, threeBrokers } from './brokers'
import { chaos } from './chaos'
import { canIsolate } from './host'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    orders: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '200' },
    'broker-kills': { type: 'string', default: '20' },
    'at-once': { type: 'string', default: '60' },
    every: { type: 'string', default: '2000' },
    'one-network': { type: 'boolean' },
    postgres: { type: 'boolean' },
    cluster: { type: 'boolean' },
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

lost                ${verdict.lost.length}
doubled             ${verdict.doubled.length}
stuck               ${verdict.stuck.length}
oversold            ${verdict.oversold.length}
unbalanced          ${verdict.unbalanced.length}
dead letters        ${verdict.buried.length}
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
