import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { freePort } from './broker'
import { atEnd } from './ends'

export interface Database {
  /** Of its owner, with the password. */
  url: string
  port: number
  /** Of the server's process, while it runs. */
  readonly pid: number
  /** One statement by its owner, over a connection that lasts. */
  query(text: string, values?: (string | number)[]): Promise<Record<string, unknown>[]>
  /** An empty database beside it, on the same server; its address. */
  another(): Promise<string>
  /** Ends the server with this signal; its data stay. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

const packaged = '/usr/lib/postgresql'
const owner = 'owner'
const password = 'a-secret'

/** The folder of this machine's `initdb` and `postgres`: on the `PATH`, or where Debian keeps them; undefined without them. */
export function postgresFolder(): string | undefined {
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((one, other) => Number(other) - Number(one)) : []
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...versions.map((one) => join(packaged, one, 'bin'))]
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))))
}

let bases = 0

/** A real PostgreSQL on a free loopback port, in a folder of its own, forgetful of a machine that loses power. */
export async function startPostgres(): Promise<Database> {
  const binaries = postgresFolder()
  if (!binaries) throw new Error('no PostgreSQL here: put its initdb and postgres on the PATH')
  const who = otherThanRoot()
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'))
  const data = join(folder, 'data')
  await mkdir(data)
  await writeFile(join(folder, 'password'), password)
  if (who.uid !== undefined) {
    for (const path of [folder, data, join(folder, 'password')]) await chown(path, who.uid, who.gid ?? who.uid)
  }
  const made = ['-D', data, '-U', owner, '-E', 'UTF8', '--locale=C', '-A', 'scram-sha-256', '--no-sync']
  await promisify(execFile)(join(binaries, 'initdb'), [...made, `--pwfile=${join(folder, 'password')}`], {
    ...who,
    cwd: folder,
  })
  const port = await freePort()
  const urlOf = (name: string) => `postgres://${owner}:${password}@127.0.0.1:${port}/${name}`
  let child: ChildProcess | undefined
  const kill = async (signal: NodeJS.Signals = 'SIGINT') => {
    const ending = child
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = once(ending, 'exit')
    ending.kill(signal)
    await ended
  }
  const start = async () => {
    // A server that was killed leaves processes that still hold its memory for a moment.
    for (let tries = 0; tries < 100; tries++) {
      child = spawn(join(binaries, 'postgres'), [...settings(data), '-p', String(port)], {
        ...who,
        cwd: folder,
        stdio: 'ignore',
      })
      while (child.exitCode === null) {
        if (await answers(urlOf('postgres'))) return
        await sleep(25)
      }
      await sleep(100)
    }
    throw new Error('PostgreSQL did not start')
  }
  const leave = () => {
    child?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  process.setMaxListeners(0).once('exit', leave)
  await start()
  const sql = postgres(urlOf('postgres'), { max: 2, backoff: () => 0.1, onnotice: () => {} })
  const stop = async () => {
    process.off('exit', leave)
    await sql.end({ timeout: 1 })
    await kill()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  atEnd(stop)
  return {
    url: urlOf('postgres'),
    port,
    get pid() {
      return child?.pid ?? 0
    },
    query: async (text, values = []) => [...(await sql.unsafe(text, values))],
    async another() {
      const name = `base_${++bases}`
      await sql.unsafe(`create database ${name}`)
      return urlOf(name)
    },
    kill,
    start,
    stop,
  }
}

const settings = (data: string) => ['-D', data, '-h', '127.0.0.1', '-F', '-c', 'unix_socket_directories=']

/** PostgreSQL refuses to run as root. */
function otherThanRoot(): Pick<SpawnOptions, 'uid' | 'gid'> {
  if (process.getuid?.() !== 0) return {}
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody here')
}

async function answers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 0 })
  }
}
