import { existsSync } from 'node:fs'
import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('the $SRV protocol')

interface Endpoint {
  name: string
  subject: string
  queue_group: string
  num_requests: number
  num_errors: number
  last_error: string
  processing_time: number
  average_processing_time: number
}

interface Answer {
  type: string
  name: string
  id: string
  version: string
  started: string
  metadata: Record<string, string>
  endpoints: Endpoint[]
}

async function start() {
  const broker = await startBroker()
  const wire = await openWire(broker)
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const functions = {
    contracts: notes('rpc.slow', 'rpc.refuse', 'events.noted'),
    functions: {
      'a/slow': {
        mode: 'rpc' as const,
        subject: 'rpc.slow',
        queue: 'a',
        handler: async ({ n }: Note) => {
          await gate
          return { n }
        },
      },
      'a/refuse': {
        mode: 'rpc' as const,
        subject: 'rpc.refuse',
        queue: 'a',
        handler: (_: Note, { reject }: Context) => reject(409, 'Not now.'),
      },
      'a/take': { mode: 'stream' as const, subject: 'events.noted', handler: () => undefined },
    },
  }
  const host = await runFunctions(broker, functions)
  return { broker, wire, host, functions, release: () => release() }
}

/** All answers; the asker's own subscription tells when they are in, since each process answers at once. */
async function ask({ url }: Pick<Broker, 'url'>, subject: string, expected: number): Promise<Answer[]> {
  const wire = await openWire({ url })
  const inbox = `answers.${Math.random().toString(36).slice(2)}`
  const heard = await wire.hear(inbox)
  wire.nc.publish(subject, undefined, { reply: inbox })
  if (expected > 0) await eventually(`${expected} answers to ${subject}`, () => heard.length >= expected)
  await wire.nc.flush()
  // Where nobody listens the broker says so, with an empty message.
  return heard.filter(({ body }) => body !== '').map(({ body }) => body as Answer)
}

test('PING and INFO name each function, by all, by name and by id', async () => {
  const { broker } = await start()
  const all = await ask(broker, '$SRV.PING', 3)
  assert.equal(all.map(({ name }) => name).toSorted(), ['a__refuse', 'a__slow', 'a__take'])
  for (const one of all) {
    assert.is(one.type, 'io.nats.micro.v1.ping_response')
    assert.match(one.version, /^\d+\.\d+\.\d+$/)
  }
  const { id } = all.find(({ name }) => name === 'a__take') as Answer
  for (const subject of ['$SRV.INFO.a__take', `$SRV.INFO.a__take.${id}`]) {
    const [info, ...others] = await ask(broker, subject, 1)
    assert.equal(others, [])
    assert.is(info?.type, 'io.nats.micro.v1.info_response')
    assert.equal(info?.metadata, { function: 'a/take', mode: 'stream', file: 'a/take' })
    assert.equal(info?.endpoints, [
      { name: 'a__take', subject: 'events.noted', queue_group: '', metadata: {} } as never,
    ])
  }
  for (const subject of ['$SRV.PING.other', `$SRV.PING.a__slow.${id}`, '$SRV.NOTHING', '$SRV.PING.a__take.x.y']) {
    assert.equal(await ask(broker, subject, 0), [])
  }
})

test('STATS count requests, errors and the whole time of an asynchronous handler', async () => {
  const { broker, wire, release } = await start()
  const began = performance.now()
  const asked = wire.ask('rpc.slow', { n: 1 })
  await wire.ask('rpc.refuse', { n: 1 })
  const least = 25
  await eventually('some time to pass', () => performance.now() - began > 2 * least)
  const released = performance.now()
  release()
  await asked
  await wire.ask('rpc.slow', { n: 2 })
  const waited = released - began
  const [slow] = await ask(broker, '$SRV.STATS.a__slow', 1)
  const [stats] = slow?.endpoints ?? []
  assert.is(slow?.type, 'io.nats.micro.v1.stats_response')
  assert.ok(Date.parse(slow?.started ?? '') <= Date.now())
  assert.equal([stats?.num_requests, stats?.num_errors, stats?.last_error], [2, 0, ''])
  assert.ok((stats?.processing_time ?? 0) > least * 1e6, `${stats?.processing_time} ns for ${waited} ms`)
  assert.is(stats?.average_processing_time, Math.round((stats?.processing_time ?? 0) / 2))
  const [refuse] = await ask(broker, '$SRV.STATS.a__refuse', 1)
  const { num_requests, num_errors, last_error } = (refuse as Answer).endpoints[0] as Endpoint
  assert.equal({ num_requests, num_errors, last_error }, { num_requests: 1, num_errors: 1, last_error: 'Not now.' })
})

test('two instances have ids of their own; one that stops answers no more', async () => {
  const { broker, functions, host } = await start()
  const second = await runFunctions(broker, functions)
  const both = await ask(broker, '$SRV.PING.a__slow', 2)
  assert.is(new Set(both.map(({ id }) => id)).size, 2)
  await second.stop()
  assert.is((await ask(broker, '$SRV.PING.a__slow', 1)).length, 1)
  await host.stop()
  assert.equal(await ask(broker, '$SRV.PING', 0), [])
})

const cli = [process.env.NATS_CLI, '.cache/engines/cli/nats'].find((path) => path && existsSync(path))
if (!cli) console.log('left out: nats micro ls, info and stats; NATS_CLI names the nats command line')
else {
  test('nats micro ls, info and stats show each function', async () => {
    const { broker, wire } = await start()
    await wire.ask('rpc.refuse', { n: 1 })
    const nats = async (...args: string[]) => (await execa(cli, ['--server', broker.url, 'micro', ...args])).stdout
    const listed = await nats('ls')
    for (const name of ['a__refuse', 'a__slow', 'a__take']) assert.match(listed, new RegExp(`${name} +│`))
    assert.match(await nats('info', 'a__take'), /Subject: events\.noted/)
    assert.match(await nats('stats', 'a__refuse'), /a__refuse +│ a__refuse +│ 1 +│ a +│ 1 /)
  })
}

test.run()
