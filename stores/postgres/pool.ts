import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { electionMs, persist } from '../../connect/persist'
import { away, configuration, isAway } from '../../runtime/errors'
import { wholeNumber } from '../../runtime/settings'
import type { Log } from '../../runtime/types'
import { faultOf } from './faults'

type Value = string | number | null
export type Row = Record<string, unknown>

/** Connections to one database, opened on demand and opened again where they broke. */
export interface Pool {
  /** One statement by itself, tried again while the database is away, up to the budget; then `away`, outcome unknown. */
  run(text: string, values?: Value[], budgetMs?: number): Promise<Row[]>
  /** Statements that come into force together or not at all; tried once, with no limit of time. */
  together(work: (run: (text: string, values?: Value[]) => Promise<Row[]>) => Promise<void>): Promise<void>
  /** Where the database is, and as whom we come; never with the password. */
  where: string
  close(): Promise<void>
}

interface Options {
  env: NodeJS.ProcessEnv
  log: Log
  /** Called when the database is found away: what was seen of it may not be there any more. */
  onAway(): void
}

const statementMs = 4_000
/** A statement that has no answer by then has no server either. */
const silentMs = 5_000
const connectSeconds = 5
const idleSeconds = 60
const againMs = 100
const closeSeconds = 1

/** Connects to nothing yet; what is wrong with the address itself is told at once. */
export async function openPool({ env, log, onAway }: Options): Promise<Pool> {
  const url = addressOf(env.DATABASE_URL ?? '')
  const max = wholeNumber(env, 'DATABASE_POOL', 10, 1, 1_000)
  const { default: driver } = await driverModule()
  const links = openLinks()
  const sql = driver(url.href, {
    max,
    idle_timeout: idleSeconds,
    connect_timeout: connectSeconds,
    backoff: () => againMs / 1_000,
    fetch_types: false,
    onnotice: () => {},
    connection: {
      application_name: 'runtime',
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: 2 * statementMs,
    },
    socket: links.open,
  } as postgres.Options<Record<string, never>>)
  const places = openPlaces(max)
  let isLost = false

  const tell = (error?: Error) => {
    if (!!error === isLost) return
    isLost = !!error
    if (error) log.warn({ reason: error.message, database: where }, 'PostgreSQL is away')
    else log.info({ database: where }, 'PostgreSQL is there again')
  }

  /** Holds its place until the statement has ended, whoever still waits for it, so that none heap up in an outage. */
  const statement = async (text: string, values: Value[]): Promise<Row[]> => {
    const began = performance.now()
    const late = setTimeout(() => links.cutSilent(began), silentMs)
    try {
      const rows = (await sql.unsafe(text, values, { prepare: true })) as unknown as Row[]
      tell()
      return rows
    } catch (error) {
      const fault = faultOf(error)
      if (isAway(fault)) {
        onAway()
        tell(fault)
      }
      throw fault
    } finally {
      clearTimeout(late)
    }
  }

  const where = `${url.username ? `${decodeURIComponent(url.username)}@` : ''}${url.host}${url.pathname}`
  return {
    where,
    run: (text, values = [], budgetMs = electionMs) =>
      persist(budgetMs, (timeoutMs) => places.take(timeoutMs, () => statement(text, values))),
    async together(work) {
      try {
        await sql.begin(async (transaction) => {
          await transaction.unsafe('set local statement_timeout = 0')
          await work(async (text, values = []) => (await transaction.unsafe(text, values)) as unknown as Row[])
        })
      } catch (error) {
        throw faultOf(error)
      }
    },
    async close() {
      links.close()
      await sql.end({ timeout: closeSeconds })
    },
  }
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // What is wrong is not repeated: it may hold the password.
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || !url.hostname || url.pathname.length < 2 || !isEscaped(url)) {
    throw configuration('DATABASE_URL: not an address of a database, as postgres://user:password@host:5432/name')
  }
  return url
}

/** A % in a password is easily left as it is. */
function isEscaped({ username, password, pathname }: URL): boolean {
  try {
    return [username, password, pathname].map(decodeURIComponent).length > 0
  } catch {
    return false
  }
}

async function driverModule(): Promise<{ default: typeof postgres }> {
  try {
    return await import('postgres')
  } catch {
    throw configuration('DATABASE_URL: the package postgres is not installed; npm install adds it')
  }
}

/** Sockets of our own, since the driver asks a server that hangs up on it again without a pause, and waits for a dead one. */
function openLinks() {
  const heard = new Map<Socket, number>()
  let brokenAt = Number.NEGATIVE_INFINITY
  let closing = false
  let turn = 0
  return {
    async open({ host, port, path }: { host: string[]; port: number[]; path: string | false }): Promise<Socket> {
      if (performance.now() - brokenAt < againMs) await sleep(againMs)
      const one = turn++ % host.length
      const socket = path ? connect(path) : connect(port[one] as number, host[one])
      // By this name the driver checks a certificate.
      Object.assign(socket, { host: host[one] })
      heard.set(socket, performance.now())
      socket.on('data', () => heard.set(socket, performance.now()))
      socket.once('close', () => {
        heard.delete(socket)
        if (socket.bytesRead === 0) brokenAt = performance.now()
      })
      if (closing) socket.destroy()
      return socket
    },
    cutSilent(since: number) {
      for (const [socket, at] of heard) if (at < since) socket.destroy(away('timeout', 'PostgreSQL is silent'))
    },
    close() {
      closing = true
    },
  }
}

/** So many statements at once; who has waited too long for a place, or for an answer, hears so. */
function openPlaces(free: number) {
  const waiting: (() => void)[] = []
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }

  return {
    take<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const begin = () => {
          work()
            .then(resolve, reject)
            .finally(() => clearTimeout(timer))
            .finally(leave)
        }
        const timer = setTimeout(() => {
          const place = waiting.indexOf(begin)
          if (place >= 0) waiting.splice(place, 1)
          reject(away('timeout', 'PostgreSQL did not answer in time'))
        }, timeoutMs)
        if (free > 0) {
          free--
          begin()
        } else waiting.push(begin)
      })
    },
  }
}
