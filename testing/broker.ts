import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinary } from '../embedded/ladder'
import { probe } from '../embedded/probe'
import { atEnd } from './ends'

export interface Broker {
  url: string
  port: number
  /** Where its data are. */
  folder: string
  /** Of the server's process, while it runs. */
  readonly pid: number
  /** Ends the server with this signal; its data stay. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** A real nats-server with JetStream (of at most `largest`) on a free loopback port, in a folder of its own, with a copy of the `data` of another: `NATS_SERVER`, or found as `npm start` finds one. */
export async function startBroker({
  jetstream = true,
  largest = '',
  configuration = '',
  data = '',
} = {}): Promise<Broker> {
  const binary = process.env.NATS_SERVER || (await findBinary({ cacheDir: '.cache', log: console.error })).path
  const folder = await mkdtemp(join(tmpdir(), 'broker-'))
  if (data) await cp(data, folder, { recursive: true })
  const port = await freePort()
  let child: ChildProcess | undefined

  const start = async () => {
    const flags =
      largest || configuration
        ? ['-c', await configured(folder, largest, configuration)]
        : jetstream
          ? ['-js', '-sd', folder]
          : []
    child = spawn(binary, [...flags, '-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    for (let tries = 0; tries < 400; tries++) {
      const info = await probe('127.0.0.1', port)
      if (typeof info === 'object' && info.jetstream === jetstream) return
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`)
      await sleep(25)
    }
    throw new Error('nats-server did not answer within 10 s')
  }
  const kill = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const ending = child
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = once(ending, 'exit')
    ending.kill(signal)
    await ended
  }
  const stop = async () => {
    await kill()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  process.setMaxListeners(0).once('exit', () => child?.kill('SIGKILL'))
  await start()
  atEnd(stop)
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    folder,
    get pid() {
      return child?.pid ?? 0
    },
    kill,
    start,
    stop,
  }
}

/** A configuration under which JetStream stores no more than `largest`, as 3MB, with more of the same language. */
async function configured(folder: string, largest: string, more: string): Promise<string> {
  const path = join(folder, 'nats.conf')
  const limit = largest && `, max_file: ${largest}`
  await writeFile(path, `jetstream { store_dir: "${folder}"${limit} }\n${more}\n`)
  return path
}

const given = new Set<number>()

/** A port that nothing listens on, now, and never the same twice. Below those that are given to whoever connects, who would take it before its server does. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_768)
    if (given.has(port)) continue
    given.add(port)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue
      throw error
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
