import { connect, type Socket } from 'node:net'
import type postgres from 'postgres'
import { away, configuration } from '../../runtime/errors'

export type Value = string | number | null
export type Row = Record<string, unknown>

/**
 * One connection and no more: once it is lost, or nothing comes on it, it is over, and the next statement opens another
 * one. The driver's own ways of connecting again ask without a pause, wait for the dead, and forget half a transaction.
 */
export interface Link {
  /** One statement at a time; without an answer for so long the link is over. */
  ask(text: string, values?: Value[], patienceMs?: number): Promise<Row[]>
  end(reason: Error): void
  isOver(): boolean
}

/** Connects to nothing yet. */
export type OpenLink = () => Link

/** A server may take so long for a statement, unless it is told otherwise. */
const statementMs = 4_000
/** A statement that has no answer by then has no server either. */
export const silentMs = 5_000
const connectSeconds = 4

// One that takes no writes is not the one that is wanted, and the address may name another in a moment.
const hello = `set statement_timeout = ${statementMs}; set idle_in_transaction_session_timeout = ${2 * statementMs};
  select pg_is_in_recovery() as standby`

export async function linksTo(url: URL): Promise<OpenLink> {
  const { default: driver } = await driverModule()
  let turn = 0
  return () => openLink(driver, url, turn++)
}

function openLink(driver: typeof postgres, url: URL, turn: number): Link {
  let socket: Socket | undefined
  let isGreeted = false
  let over: Error | undefined
  let fail = (_: Error): void => {}

  const open = ({ host, port, path }: { host: string[]; port: number[]; path: string | false }): Socket => {
    if (socket || over) throw end(away('disconnected', 'PostgreSQL: the connection was closed'))
    const one = turn % host.length
    socket = path ? connect(path) : connect(port[one] as number, host[one])
    // By this name the driver checks a certificate.
    return Object.assign(socket, { host: host[one] })
  }

  const sql = driver(url.href, {
    max: 1,
    idle_timeout: null,
    max_lifetime: null,
    connect_timeout: connectSeconds,
    fetch_types: false,
    onnotice: () => {},
    onclose: () => end(away('disconnected', 'PostgreSQL: the connection was closed')),
    connection: { application_name: 'runtime' },
    socket: open,
  } as unknown as postgres.Options<Record<string, never>>)

  const end = (reason: Error): Error => {
    if (over) return over
    over = reason
    fail(reason)
    // The driver leaves a socket on which nothing comes open, and under TLS nobody listens to this one's errors.
    const cut = () => socket?.on('error', () => {}).destroy()
    sql.end({ timeout: 0 }).then(cut, cut)
    return reason
  }

  const send = async (text: string, values: Value[], patienceMs?: number): Promise<Row[]> => {
    if (over) throw over
    const late = patienceMs && setTimeout(() => end(away('timeout', 'PostgreSQL is silent')), patienceMs)
    try {
      return await new Promise<Row[]>((resolve, reject) => {
        fail = reject
        sql.unsafe(text, values, { prepare: true }).then((rows) => resolve(rows as unknown as Row[]), reject)
      })
    } finally {
      clearTimeout(late)
    }
  }

  return {
    async ask(text, values = [], patienceMs = undefined) {
      if (!isGreeted) await greet()
      return send(text, values, patienceMs)
    },
    end,
    isOver: () => over !== undefined,
  }

  async function greet(): Promise<void> {
    const answers = (await send(hello, [], silentMs)) as unknown as Row[][]
    const standby = answers.at(-1)?.[0]?.standby
    if (standby) throw end(away('unavailable', 'PostgreSQL: a standby, which takes no writes'))
    isGreeted = true
  }
}

async function driverModule(): Promise<{ default: typeof postgres }> {
  try {
    return await import('postgres')
  } catch {
    throw configuration('DATABASE_URL: the package postgres is not installed; npm install adds it')
  }
}
