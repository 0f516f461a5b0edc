import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { atEnd } from '../../testing/ends'
import { freePort } from './broker'
import { eventually } from './wait'

export interface ClusterNode {
  name: string
  url: string
  port: number
  folder: string
  /** Of the server's process, while it runs. */
  readonly pid: number
  /** Ends it, or stops and continues it, with this signal; its data stay. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Starts it again on its ports and data; resolves once it has caught up with the others. */
  start(): Promise<void>
}

export interface Cluster {
  /** Of all three, as `NATS_URL` takes it. */
  url: string
  nodes: ClusterNode[]
  /** Who leads the stream, by what the cluster says; undefined while nobody does. */
  leaderOf(stream: string): Promise<ClusterNode | undefined>
  metaLeader(): Promise<ClusterNode | undefined>
  /** To which node the connection of this name goes. */
  nodeOf(client: string): Promise<ClusterNode | undefined>
  stop(): Promise<void>
}

interface Options {
  server?: string
  /** Whether clients are told of the other nodes. */
  advertise?: boolean
  /** How much JetStream may store on each. */
  largest?: string
}

interface Jsz {
  meta_cluster?: { leader?: string }
  account_details?: { stream_detail?: { name: string; cluster?: { leader?: string } }[] }[]
}

const names = ['one', 'two', 'three']
const startMs = 60_000

/** Three servers on loopback that share their streams, once they can; ended with the test file. */
export async function startCluster(options: Options = {}): Promise<Cluster> {
  const { server = process.env.NATS_SERVER as string, advertise = true, largest = '8GB' } = options
  const folder = await mkdtemp(join(tmpdir(), 'cluster-'))
  const ports = await Promise.all(
    names.map(async () => ({ client: await freePort(), route: await freePort(), http: await freePort() })),
  )
  const routes = ports.map(({ route }) => `nats://127.0.0.1:${route}`).join(', ')
  const places = names.map((name, index) => ({ name, ...(ports[index] as (typeof ports)[number]) }))
  const asked = async <T>(http: number, path: string): Promise<T | undefined> => {
    const answer = await fetch(`http://127.0.0.1:${http}/${path}`, { signal: AbortSignal.timeout(1_000) }).catch(
      () => undefined,
    )
    return answer?.ok ? ((await answer.json()) as T) : undefined
  }

  const openNode = async ({ name, client, route, http }: (typeof places)[number]): Promise<ClusterNode> => {
    const path = join(folder, `${name}.conf`)
    const data = join(folder, name)
    await writeFile(
      path,
      `server_name: ${name}
listen: 127.0.0.1:${client}
http: 127.0.0.1:${http}
jetstream { store_dir: "${data}", max_mem: 64MB, max_file: ${largest} }
cluster { name: C, listen: 127.0.0.1:${route}, routes: [${routes}], no_advertise: ${!advertise} }
`,
    )
    let child: ChildProcess | undefined
    const begin = () => {
      child = spawn(server, ['-c', path], { stdio: 'ignore' })
    }
    process.setMaxListeners(0).once('exit', () => child?.kill('SIGKILL'))
    begin()
    return {
      name,
      url: `nats://127.0.0.1:${client}`,
      port: client,
      folder: data,
      get pid() {
        return child?.pid ?? 0
      },
      async kill(signal) {
        if (!child || child.exitCode !== null || child.signalCode !== null) return
        const ended = once(child, 'exit')
        child.kill(signal)
        if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended
      },
      async start() {
        begin()
        await eventually(`${name} to be healthy`, () => asked(http, 'healthz'), startMs)
      },
    }
  }

  const nodes = await Promise.all(places.map(openNode))
  const named = (name: string | undefined) => nodes.find((node) => node.name === name)
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill('SIGKILL')))
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  atEnd(stop)
  /** What a majority says, since who has been cut off may think that it leads. */
  const leader = async (find: (jsz: Jsz) => string | undefined): Promise<ClusterNode | undefined> => {
    const all = await Promise.all(places.map(({ http }) => asked<Jsz>(http, 'jsz?streams=true&config=false')))
    const told = all.map((jsz) => jsz && find(jsz)).filter(Boolean)
    return named(told.find((name) => told.filter((other) => other === name).length >= 2))
  }
  const url = nodes.map((node) => node.url).join(',')
  await eventually('the cluster to make a stream of three', () => makesStreams(url), startMs)
  return {
    url,
    nodes,
    leaderOf: (stream) =>
      leader(({ account_details = [] }) => {
        const streams = account_details.flatMap(({ stream_detail = [] }) => stream_detail)
        return streams.find(({ name }) => name === stream)?.cluster?.leader
      }),
    metaLeader: () => leader(({ meta_cluster }) => meta_cluster?.leader),
    async nodeOf(client) {
      for (const { name, http } of places) {
        const { connections = [] } = (await asked<{ connections: { name?: string }[] }>(http, 'connz')) ?? {}
        if (connections.some((one) => one.name === client)) return named(name)
      }
      return undefined
    },
    stop,
  }
}

/** JetStream has a leader, and three servers to place on. */
async function makesStreams(url: string): Promise<boolean> {
  try {
    const nc = await connect({ servers: url.split(','), timeout: 1_000, reconnect: false })
    try {
      const jsm = await nc.jetstreamManager({ timeout: 2_000 })
      await jsm.streams.add({ name: 'PROBE', subjects: ['probe'], num_replicas: 3 })
      return await jsm.streams.delete('PROBE')
    } finally {
      await nc.close()
    }
  } catch {
    return false
  }
}

const minorOf = (server: string): number =>
  Number(/v2\.(\d+)\./.exec(execFileSync(server, ['-v'], { encoding: 'utf8' }))?.[1] ?? 0)

/** Whether replicated streams of this server keep what they promise: 2.11 or newer. */
export const replicates = (server: string): boolean => minorOf(server) >= 11

/** `NATS_SERVER`, or where that is too old for replicas a newer one: `NATS_SERVER_NEW`, or the one that CI compiles. */
export function serverOfClusters(): string | undefined {
  const found = [process.env.NATS_SERVER, process.env.NATS_SERVER_NEW, '.cache/engines/newest/nats-server']
  return found.find((server) => server && existsSync(server) && replicates(server))
}
