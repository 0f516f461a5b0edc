import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execaSync } from 'execa'
import * as assert from 'uvu/assert'
import { startApp } from '../support/app'
import { freePort } from '../support/broker'
import { customer } from '../support/orders'
import { atEnd, suite } from '../support/suite'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'
import { readCompose } from './made'

const test = suite('the servers of Compose, on loopback')

/** What a server is told by Compose, with this machine’s ports and folder in place of the container’s. */
async function startServers(): Promise<{ url: string; monitors: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'compose-'))
  const children = new Set<ChildProcess>()
  let ending = false
  /** Again where it ends, as Compose would. */
  const run = (env: NodeJS.ProcessEnv) => {
    if (ending) return
    const child = spawn(process.env.NATS_SERVER as string, ['-c', 'deploy/nats.conf'], { stdio: 'ignore', env })
    children.add(child)
    child.once('exit', () => {
      children.delete(child)
      setTimeout(run, 100, env)
    })
  }
  atEnd(async () => {
    ending = true
    for (const child of children) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.kill('SIGKILL')) await ended
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  process.once('exit', () => {
    ending = true
    for (const child of children) child.kill('SIGKILL')
  })
  const { services } = readCompose('deploy/engines.yaml')
  const servers = Object.keys(services).filter((name) => name.startsWith('nats'))
  const port = async () => `127.0.0.1:${await freePort()}`
  const places = await Promise.all(
    servers.map(async (name) => ({ name, client: await port(), monitor: await port(), route: await port() })),
  )
  for (const { name, client, monitor, route } of places) {
    const told = { ...services[name]?.environment }
    const here = { NATS_LISTEN: client, NATS_MONITOR: monitor, NATS_CLUSTER: route, NATS_STORE: join(folder, name) }
    const NATS_ROUTES = places.reduce(
      (routes, place) => routes.replace(`${place.name}:6222`, place.route),
      String(told.NATS_ROUTES),
    )
    const env = { ...told, ...here, NATS_ROUTES }
    run(env)
  }
  return {
    url: places.map(({ client }) => client).join(','),
    monitors: places.map(({ monitor }) => `http://${monitor}`),
  }
}

/** What the health check of Compose asks. */
async function isHealthy(monitor: string): Promise<boolean> {
  const { healthcheck } = readCompose('deploy/engines.yaml').services.nats_rpc ?? {}
  const path = new URL(healthcheck?.test.at(-1) as string).pathname
  return (await fetch(monitor + path).catch(() => undefined))?.ok ?? false
}

// Older servers hold no cluster that we run on.
const [, minor = '0'] = /v2\.(\d+)\./.exec(execaSync(process.env.NATS_SERVER as string, ['-v']).stdout) ?? []
const holds = Number(minor) >= 11

test(`three servers from deploy/nats.conf become healthy${holds ? ', and an order with three replicas gets to the door' : ''}`, async () => {
  const { url, monitors } = await startServers()
  for (const monitor of monitors) await eventually(`${monitor} to be healthy`, () => isHealthy(monitor), 60_000)
  if (!holds) return
  const app = await startApp({ url }, { env: { REPLICAS: '3', DELIVERY_SIMULATION_MS: '1' } })
  const { order, reaches } = customer(app)
  await reaches(await order(), 'delivered')
  const jsm = await (await openWire({ url: url.split(',')[0] as string })).nc.jetstreamManager()
  const streams = await jsm.streams.list().next()
  assert.ok(streams.length > 5)
  for (const { config } of streams) assert.is(config.num_replicas, 3, config.name)
  assert.is(await app.end(), 0)
})

test.run()
