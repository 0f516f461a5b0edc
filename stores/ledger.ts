import { setTimeout as sleep } from 'node:timers/promises'
import { textOf } from '../runtime/envelope'
import { away } from '../runtime/errors'
import { step } from '../runtime/failpoint'
import { isConflict, type JetStream } from '../runtime/nats/jetstream'
import type { Ledger, LedgerDefinition, Table } from '../runtime/types'
import { openPages, type Position } from './ledger_pages'
import { type Draft, draftOn, memoryOver } from './ledger_table'
import { nextOperation } from './operation'

interface Request<D, V> {
  choose(table: Table<V>): D | undefined
  read(table: Table<V>): unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

const operation = 'Operation-Id'
const largestGroupBytes = 512 * 1024
const readAtOnce = 256
const pageAfter = 10_000
const pagesMs = 1_000
const unseenMs = 20
const mostFresh = 5

export const ledgerStream = (name: string) => ({ stream: `LEDGER_${name}`, subject: `ledger.${name}` })

/**
 * A log of decisions, folded into a table, of which memory holds what is new or used and pages hold the rest. Requests that queued while an append was under way go into the
 * next one (group commit); an append conflicts when another process appended, then the tail is folded and all is
 * decided again. Nobody hears of a decision before it is durable, nor that there is none before the tail was read.
 */
export function openLedger<D, V>(js: JetStream, name: string, definition: LedgerDefinition<D, V>): Ledger<D, V> {
  const { stream, subject } = ledgerStream(name)
  const every = definition.pageAfter ?? pageAfter
  const pages = openPages<V>(js, name)
  const memory = memoryOver(pages)
  const state: Table<V> = { get: memory.get, set: (key, value) => memory.set(key, value, decisions) }
  let lastSeq = 0
  let lastOperation = ''
  let decisions = 0
  let writing = false
  let pagesFrom = 0
  let begun = false
  let current = false
  let queue: Request<D, V>[] = []
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
      const group = queue
      queue = []
      try {
        await settle(group)
        await keepPages()
      } catch (error) {
        // The append may have landed all the same: read the tail before anything else is decided.
        current = false
        for (const request of group) request.reject(error)
      }
    }
    running = false
  }

  const settle = async (requests: Request<D, V>[]) => {
    if (!begun) await begin()
    let fresh = false
    if (!current) {
      await sync()
      fresh = true
    }
    for (;;) {
      const draft = draftOn(state)
      const { chosen, refused, none, left } = choose(requests, draft)
      if (memory.missed()) {
        await memory.load()
        continue
      }
      if (none && !fresh) {
        await sync()
        fresh = true
        continue
      }
      if (chosen.length > 0 && !(await append(chosen, draft))) {
        fresh = true
        continue
      }
      queue.unshift(...left)
      for (const request of requests.slice(0, requests.length - left.length)) {
        if (refused.has(request)) request.reject(refused.get(request))
        else {
          const waiting = answer(request)
          if (waiting) await waiting
        }
      }
      return
    }
  }

  /** Makes nobody wait but where a page has to be read. */
  const answer = (request: Request<D, V>): Promise<void> | undefined => {
    let settle: () => void
    try {
      const value = request.read(readOnly(state))
      settle = () => request.resolve(value)
    } catch (error) {
      settle = () => request.reject(error)
    }
    if (memory.missed()) return memory.load().then(() => answer(request))
    settle()
  }

  /** A group that is in the log, folded. */
  const folded = async (group: D[]): Promise<Draft<V>> => {
    for (;;) {
      const draft = draftOn(state)
      try {
        group.forEach((decision, index) => void definition.fold(draft, decision, decisions + index + 1))
      } catch (error) {
        if (!memory.missed()) throw error
      }
      if (!memory.missed()) return draft
      await memory.load()
    }
  }

  /** Lets each request decide on what those before it decided; a refusal concerns its request alone. */
  const choose = (requests: Request<D, V>[], draft: Draft<V>) => {
    const chosen: D[] = []
    const refused = new Map<Request<D, V>, unknown>()
    let none = false
    let bytes = 0
    for (const [index, request] of requests.entries()) {
      if (bytes > largestGroupBytes) return { chosen, refused, none, left: requests.slice(index) }
      try {
        const decision = request.choose(draft)
        if (decision === undefined) none = true
        else {
          const one = draftOn(draft)
          definition.fold(one, decision, decisions + chosen.length + 1)
          one.commit()
          chosen.push(decision)
          bytes += JSON.stringify(decision).length
        }
      } catch (error) {
        none = true
        refused.set(request, error)
      }
    }
    return { chosen, refused, none, left: [] }
  }

  /** True once the group is in the log; false where another process was first and all is to be decided again. */
  const append = async (group: D[], draft: Draft<V>): Promise<boolean> => {
    const id = nextOperation()
    const data = JSON.stringify({ from: decisions + 1, decisions: group })
    try {
      const expected = { headers: { [operation]: id }, lastSeq, stream }
      const { seq } = await step(`append ${name}`, () => js.publish(subject, data, expected))
      lastSeq = seq
      lastOperation = id
      decisions += group.length
      draft.commit()
      return true
    } catch (error) {
      if (!isConflict(error)) throw error
      // An append whose ack was lost conflicts with itself when it is sent again; sync has folded it then.
      const writers = await sync()
      // On a cluster what was in the way may not be readable yet; a log that was emptied has nothing that ever will be.
      if (writers.size === 0) await sleep(unseenMs)
      return writers.has(id)
    }
  }

  /** Folds what was appended since; returns the ids of those appends. */
  const sync = async (): Promise<Set<string>> => {
    const writers = new Set<string>()
    const last = await js.read(stream, { last_by_subj: subject })
    if ((last?.seq ?? 0) < lastSeq) throw away('unavailable', `the ledger ${name} was made anew while it was open`)
    while (last && lastSeq < last.seq) {
      const seqs = Array.from({ length: Math.min(readAtOnce, last.seq - lastSeq) }, (_, index) => lastSeq + 1 + index)
      for (const stored of await Promise.all(seqs.map((seq) => js.read(stream, { seq })))) {
        if (!stored) throw new Error(`the ledger ${name} has a gap after ${lastSeq}`)
        const group = (JSON.parse(textOf(stored.data)) as { decisions: D[] }).decisions
        const draft = await folded(group)
        decisions += group.length
        draft.commit()
        lastSeq = stored.seq
        lastOperation = stored.headers[operation] ?? ''
        writers.add(lastOperation)
        // A long replay, as of a ledger that has no pages yet, takes no more memory than a short one.
        if (memory.fresh() >= mostFresh * every && !writing) await writePages()
      }
    }
    current = true
    return writers
  }

  /** Writes what is new into pages where there is much of it, unless another process has, and forgets what they hold. */
  const keepPages = async () => {
    const isDue = () => decisions - pages.position.decisions >= every || memory.fresh() >= every
    if (writing || decisions < pagesFrom || !isDue()) return
    // Pages that cannot be read or written must not keep every decision waiting.
    pagesFrom = decisions + every / 100
    try {
      await pages.refresh(isHeld, pagesMs)
    } catch {
      return
    }
    if (!isDue()) return memory.forget()
    void writePages()
  }

  /** Where they cannot be written, or another process was first, all stays in memory until the next time. */
  const writePages = async () => {
    writing = true
    try {
      await pages.write(memory.unwritten(), { seq: lastSeq, operation: lastOperation, decisions })
      memory.forget()
    } catch {
    } finally {
      writing = false
    }
  }

  /** False where pages know more than the ledger, as of one that was put back from an older copy. */
  const isHeld = async (position: Position, budgetMs?: number): Promise<boolean> => {
    const stored = await js.read(stream, { seq: position.seq }, budgetMs)
    if (stored?.headers[operation] !== position.operation) return false
    // They hold what these decisions made of the table, so memory must, too.
    if (decisions > 0 && decisions < position.decisions) await sync()
    return true
  }

  const begin = async () => {
    await pages.refresh(isHeld)
    // A second attempt goes on from what the first has folded.
    if (decisions === 0) ({ seq: lastSeq, operation: lastOperation, decisions } = pages.position)
    await sync()
    if (lastSeq === 0 && definition.initial) {
      const draft = draftOn(state)
      const initial = definition.initial()
      initial.forEach((decision, index) => void definition.fold(draft, decision, index + 1))
      if (initial.length > 0) await append(initial, draft)
    }
    begun = true
  }

  return { decide, read: (read) => decide(() => undefined, read) }
}

const readOnly = <V>(state: Table<V>): Table<V> => ({
  get: (key) => state.get(key),
  set() {
    throw new Error('a read of a ledger changes nothing; append a decision')
  },
})
