import type { JetStream } from '../runtime/nats/jetstream'
import type { Ledger, LedgerDefinition, Table } from '../runtime/types'
import { type Log, openLog } from './ledger_log'
import { outdatedHead } from './ledger_pages'
import { type Draft, draftOn } from './ledger_table'

interface Request<D, V> {
  choose(table: Table<V>): D | undefined
  read(table: Table<V>): unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

const largestGroupBytes = 512 * 1024

/**
 * A log of decisions, folded into a table. Requests that queued while an append was under way go into the next one
 * (group commit); an append conflicts when another process appended, then the tail is folded and all is
 * decided again. Nobody hears of a decision before it is durable, nor that there is none before the tail was read.
 */
export function openLedger<D, V>(js: JetStream, name: string, definition: LedgerDefinition<D, V>): Ledger<D, V> {
  let log: Log<D, V> | undefined
  /** Heads of pages up to here are of no use. */
  let useless = 0
  let current = false
  let queue: Request<D, V>[] = []
  let taken: Request<D, V>[] = []
  let running = false

  const decide: Ledger<D, V>['decide'] = (choose, read) =>
    new Promise((resolve, reject) => {
      queue.push({ choose, read, resolve: resolve as (value: unknown) => void, reject })
      if (running) return
      running = true
      // What the same turn of the event loop asks goes into one append.
      queueMicrotask(run)
    })

  const run = async () => {
    while (queue.length > 0) {
      taken = queue
      queue = []
      try {
        await settle()
        await log?.keepPages()
      } catch (error) {
        // The append may have landed all the same: read the tail before anything else is decided.
        current = false
        const head = outdatedHead(error)
        if (head !== undefined) {
          log = undefined
          useless = Math.max(useless, head)
        }
        for (const request of taken) request.reject(error)
      }
    }
    running = false
  }

  const settle = async () => {
    let fresh = false
    if (!log || !current) {
      if (log) await log.sync()
      else log = await openLog(js, name, definition, useless)
      current = true
      fresh = true
    }
    const on = log
    for (;;) {
      const draft = draftOn(on.state)
      const { chosen, refused, none, left, cold } = choose(on, draft)
      if (cold.size > 0) {
        await warm(on, cold)
        continue
      }
      taken = taken.slice(0, taken.length - left.length)
      queue.unshift(...left)
      if (none && !fresh) {
        await on.sync()
        fresh = true
        continue
      }
      if (chosen.length > 0 && !(await on.append(chosen, draft))) {
        fresh = true
        continue
      }
      let fault: unknown
      for (const request of taken) {
        if (refused.has(request)) request.reject(refused.get(request))
        else {
          const waiting = answer(on, request)
          if (waiting) fault = (await waiting) ?? fault
        }
      }
      // Who could be answered has been.
      if (outdatedHead(fault) !== undefined) throw fault
      return
    }
  }

  /** Lets each request decide on what those before it decided; a refusal concerns its request alone. */
  const choose = (on: Log<D, V>, draft: Draft<V>) => {
    const chosen: D[] = []
    const refused = new Map<Request<D, V>, unknown>()
    /** What requests want to know and pages have to tell first. */
    const cold = new Map<Request<D, V>, string[]>()
    let none = false
    let bytes = 0
    for (const [index, request] of taken.entries()) {
      const one = draftOn(draft)
      let decision: D | undefined
      let refusal: { error: unknown } | undefined
      try {
        decision = request.choose(one)
        if (decision !== undefined) definition.fold(one, decision, on.decisions + chosen.length + 1)
      } catch (error) {
        refusal = { error }
      }
      const missed = on.missed()
      if (missed.length > 0) {
        cold.set(request, missed)
        continue
      }
      if (refusal) refused.set(request, refusal.error)
      if (refusal || decision === undefined) {
        none = true
        continue
      }
      const size = Buffer.byteLength(JSON.stringify(decision))
      if (chosen.length > 0 && bytes + size > largestGroupBytes) {
        return { chosen, refused, none, cold, left: taken.slice(index) }
      }
      one.commit()
      chosen.push(decision)
      bytes += size
    }
    return { chosen, refused, none, cold, left: [] }
  }

  /** Reads what they want to know; one that cannot have it hears so, and the others go on. */
  const warm = async (on: Log<D, V>, cold: Map<Request<D, V>, string[]>) => {
    const failed = await on.load([...new Set([...cold.values()].flat())])
    for (const error of failed.values()) if (outdatedHead(error) !== undefined) throw error
    for (const [request, keys] of cold) {
      const key = keys.find((one) => failed.has(one))
      if (key === undefined) continue
      request.reject(failed.get(key))
      taken = taken.filter((one) => one !== request)
    }
  }

  /** Makes nobody wait but where a page has to be read; resolves with why it could not be. */
  const answer = (on: Log<D, V>, request: Request<D, V>): Promise<unknown> | undefined => {
    let tell: () => void
    try {
      const value = request.read(readOnly(on.state))
      tell = () => request.resolve(value)
    } catch (error) {
      tell = () => request.reject(error)
    }
    const keys = on.missed()
    if (keys.length === 0) {
      tell()
      return undefined
    }
    return on.load(keys).then((failed) => {
      const [error] = failed.values()
      if (error === undefined) return answer(on, request)
      request.reject(error)
      return error
    })
  }

  return { decide, read: (read) => decide(() => undefined, read) }
}

const readOnly = <V>(state: Table<V>): Table<V> => ({
  get: (key) => state.get(key),
  set() {
    throw new Error('a read of a ledger changes nothing; append a decision')
  },
})
