import { setTimeout as sleep } from 'node:timers/promises'
import { electionMs, persist } from '../../connect/persist'
import { away, isAway } from '../../runtime/errors'
import { wholeNumber } from '../../runtime/settings'
import type { Log } from '../../runtime/types'
import { addressOf, placeOf } from './address'
import { faultOf, isReadOnly } from './faults'
import { type Link, linksTo, type Row, silentMs, type Value } from './link'
import { openPlaces } from './places'

export type { Row } from './link'

/** Connections to one database, opened on demand and given up where they broke. */
export interface Pool {
  /** One statement by itself, tried again while the database is away, up to the budget; then `away`, outcome unknown. */
  run(text: string, values?: Value[], budgetMs?: number): Promise<Row[]>
  /**
   * Statements that come into force together or not at all, alone under this lock in all processes; tried once, and
   * each may take its time as long as the server is there.
   */
  together(
    lock: string,
    work: (run: (text: string, values?: Value[]) => Promise<Row[]>) => Promise<void>,
  ): Promise<void>
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

const idleMs = 60_000
const againMs = 200
const closeMs = 1_000

/** Connects to nothing yet; what is wrong with the address itself is told at once. */
export async function openPool({ env, log, onAway }: Options): Promise<Pool> {
  const url = addressOf(env.DATABASE_URL ?? '')
  const where = placeOf(url)
  const max = wholeNumber(env, 'DATABASE_POOL', 10, 1, 1_000)
  const links = openLinks(await linksTo(url))
  const places = openPlaces(max)
  let isLost = false

  const tell = (error?: Error) => {
    if (!!error === isLost) return
    isLost = !!error
    if (error) log.warn({ reason: error.message, database: where }, 'PostgreSQL is away')
    else log.info({ database: where }, 'PostgreSQL is there again')
  }

  /** What a fault says of the link, and of the others. */
  const failed = (error: unknown, link: Link): Error => {
    const fault = faultOf(error)
    if (!isAway(fault)) return fault
    if (fault.reason === 'disconnected') link.end(fault)
    // What one has met the others would: silence, or a server that became a standby, while the address names another.
    if (fault.reason === 'timeout' || isReadOnly(error)) links.endAll(fault)
    onAway()
    tell(fault)
    return fault
  }

  const statement = (text: string, values: Value[]): Promise<Row[]> =>
    links.use(async (link) => {
      try {
        const rows = await link.ask(text, values, silentMs)
        tell()
        return rows
      } catch (error) {
        throw failed(error, link)
      }
    })

  const run: Pool['run'] = (text, values = [], budgetMs = electionMs) =>
    persist(budgetMs, (timeoutMs) => places.take(timeoutMs, () => statement(text, values)))

  return {
    where,
    run,

    together: (lock, work) =>
      links.use(async (link) => {
        let watching: NodeJS.Timeout | undefined
        try {
          await link.ask('begin', [], silentMs)
          await link.ask('set local statement_timeout = 0', [], silentMs)
          // Asked for again and again, since a server that is gone and a lock that is taken are silent alike.
          while (!(await link.ask(lock, [], silentMs))[0]?.free) await sleep(againMs)
          watching = await watch(link, run)
          await work((text, values) => link.ask(text, values))
          await link.ask('commit')
        } catch (error) {
          // What was begun is undone by the server when its client is gone.
          link.end(away('disconnected', 'given up'))
          throw failed(error, link)
        } finally {
          clearInterval(watching)
        }
      }),

    close: links.close,
  }
}

/** A long statement is waited for as long as the server has its session, which another connection tells. */
async function watch(link: Link, run: Pool['run']): Promise<NodeJS.Timeout> {
  const [own] = await link.ask('select pg_backend_pid() as pid', [], silentMs)
  return setInterval(async () => {
    const sessions = await run('select 1 from pg_stat_activity where pid = $1', [Number(own?.pid)]).catch(() => [])
    if (sessions.length === 0) link.end(away('timeout', 'PostgreSQL is silent'))
  }, silentMs)
}

/** Those at rest, and those in use; what is put back last is taken first, so that the others may end. */
function openLinks(open: () => Link) {
  const resting: { link: Link; timer: NodeJS.Timeout }[] = []
  const used = new Map<Link, { isOld: boolean }>()
  let isClosed = false

  const rest = (link: Link) => {
    if (link.isOver()) return
    const timer = setTimeout(() => {
      resting.splice(
        resting.findIndex((one) => one.link === link),
        1,
      )
      link.end(away('disconnected', 'PostgreSQL: at rest for too long'))
    }, idleMs)
    resting.push({ link, timer: timer.unref() })
  }

  const take = (): Link => {
    for (;;) {
      if (isClosed) throw away('disconnected', 'PostgreSQL: closed')
      const one = resting.pop()
      if (!one) return open()
      clearTimeout(one.timer)
      if (!one.link.isOver()) return one.link
    }
  }

  /** Those in use end after their statement. */
  const endAll = (reason: Error) => {
    for (const use of used.values()) use.isOld = true
    for (const { link, timer } of resting.splice(0)) {
      clearTimeout(timer)
      link.end(reason)
    }
  }

  return {
    endAll,
    async use<T>(work: (link: Link) => Promise<T>): Promise<T> {
      const link = take()
      const use = { isOld: false }
      used.set(link, use)
      try {
        return await work(link)
      } finally {
        used.delete(link)
        if (use.isOld) link.end(away('disconnected', 'PostgreSQL: given up'))
        else rest(link)
      }
    },
    async close() {
      isClosed = true
      const reason = away('disconnected', 'PostgreSQL: closed')
      endAll(reason)
      for (const deadline = performance.now() + closeMs; used.size > 0 && performance.now() < deadline; )
        await sleep(20)
      for (const link of used.keys()) link.end(reason)
    },
  }
}
