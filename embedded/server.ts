import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pidFile, refuseUsed } from './claim'
import { type Info, probe } from './probe'

export interface ServerOptions {
  binary: string
  /** 0 takes a free one. */
  port: number
  host?: string
  dataDir: string
  log: (line: string) => void
  readyMs?: number
}

export interface EmbeddedServer {
  readonly url: string
  readonly port: number
  /** Another one after each restart. */
  readonly pid: number
  readonly version: string
  /** SIGTERM, and SIGKILL after 5 s. May be called again. */
  stop(): Promise<void>
  /** Resolves when there is no server any more, with an error where that was not by `stop`. */
  readonly exited: Promise<Error | undefined>
}

type Running = ReturnType<typeof run>

/** Starts a server with JetStream, waits until it answers, and starts it again on the same data when it dies. */
export async function startServer(options: ServerOptions): Promise<EmbeddedServer> {
  const { binary, host = '127.0.0.1', log, readyMs = 10_000 } = options
  const dataDir = resolve(options.dataDir)
  await mkdir(dataDir, { recursive: true })
  await refuseUsed(dataDir)
  const port = options.port || (await freePort(host))
  // Otherwise the stranger's answer would be taken for this server's.
  if (await probe(host, port)) throw new Error(`${host}:${port} is taken by another program`)

  let stopping: Promise<void> | undefined
  let running = start()
  // A process that ends without `stop`, as after a fault, takes its server along.
  const takeAlong = () => running.child.kill()
  process.once('exit', takeAlong)
  const { version } = await ready(running, host, port, readyMs).catch(async (error: Error) => {
    running.child.kill('SIGKILL')
    await running.ended
    throw new Error(`nats-server ${error.message}, its last words:\n${await lastWords(dataDir)}`)
  })
  const exited = keepRunning().finally(() => process.off('exit', takeAlong))

  function start(): Running {
    const args = ['-js', '-sd', dataDir, '-a', host, '-p', `${port}`, '-P', pidFile(dataDir)]
    return run(binary, args, logFile(dataDir))
  }

  async function keepRunning(): Promise<Error | undefined> {
    for (let quickDeaths = 0; ; running = start()) {
      const end = await running.ended
      if (stopping) return undefined
      quickDeaths = Date.now() - running.since < 2_000 ? quickDeaths + 1 : 0
      if (quickDeaths === 3) return new Error(`nats-server ${end} for the third time:\n${await lastWords(dataDir)}`)
      log(`nats-server ${end}: started again on port ${port}`)
    }
  }

  async function stop(): Promise<void> {
    running.child.kill('SIGTERM')
    const patience = setTimeout(() => running.child.kill('SIGKILL'), 5_000)
    await exited
    clearTimeout(patience)
    await rm(pidFile(dataDir), { force: true })
  }

  return {
    url: `nats://${host}:${port}`,
    port,
    version,
    exited,
    get pid() {
      return running.child.pid ?? 0
    },
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

/** In a process group of its own, so that Ctrl-C reaches only us and we stop it when our work is done. */
function run(binary: string, args: string[], output: string) {
  const file = openSync(output, 'a')
  const child = spawn(binary, args, { detached: true, windowsHide: true, stdio: ['ignore', file, file] })
  closeSync(file)
  const ended = new Promise<string>((resolveEnded) => {
    child.once('error', (error) => resolveEnded(`could not be started (${error.message})`))
    child.once('exit', (code, signal) => resolveEnded(`ended with ${signal ?? `exit code ${code}`}`))
  })
  return { child, ended, since: Date.now() }
}

async function ready({ since, ended }: Running, host: string, port: number, limitMs: number): Promise<Info> {
  while (Date.now() - since < limitMs) {
    const answer = await probe(host, port)
    const end = await Promise.race([ended, sleep(50)])
    if (end) throw new Error(end)
    if (typeof answer === 'object' && answer.jetstream) return answer
  }
  throw new Error(`did not answer within ${limitMs / 1_000} s`)
}

function logFile(dataDir: string): string {
  return join(dataDir, 'nats-server.log')
}

async function lastWords(dataDir: string): Promise<string> {
  const text = await readFile(logFile(dataDir), 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-5).join('\n')
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
