import { setTimeout as sleep } from 'node:timers/promises'
import { textOf } from '../runtime/envelope'
import { away } from '../runtime/errors'
import { step } from '../runtime/failpoint'
import { isConflict, type JetStream } from '../runtime/nats/jetstream'
import type { LedgerDefinition, Table } from '../runtime/types'
import { openPages, outdatedHead, type Position } from './ledger_pages'
import { type Draft, draftOn, memoryOver } from './ledger_table'
import { nextOperation } from './operation'

/** The decisions of a ledger on the broker, folded as far as they were read. */
export interface Log<D, V> {
  state: Table<V>
  /** How many decisions are folded. */
  readonly decisions: number
  missed(): string[]
  load(keys: string[]): Promise<Map<string, unknown>>
  /** Folds what was appended since; returns the ids of those appends. */
  sync(): Promise<Set<string>>
  /** True once the group is in the log and folded; false where another process was first. */
  append(group: D[], draft: Draft<V>): Promise<boolean>
  /** Writes what is new into pages where there is much of it, unless another process has, and forgets what they hold. */
  keepPages(): Promise<void>
}

const operation = 'Operation-Id'
const readAtOnce = 256
const usualPageAfter = 30_000
const pagesMs = 1_000
const unseenMs = 20
const mostFresh = 5

export const ledgerStream = (name: string) => ({ stream: `LEDGER_${name}`, subject: `ledger.${name}` })

/** Memory holds what of the table is new or was used lately, pages hold the rest. `after`: heads up to it are not used. */
export async function openLog<D, V>(
  js: JetStream,
  name: string,
  { initial, fold, pageAfter: every = usualPageAfter, version = 1 }: LedgerDefinition<D, V>,
  after: number,
): Promise<Log<D, V>> {
  const { stream, subject } = ledgerStream(name)
  const pages = openPages<V>(js, name, { version, after })
  const memory = memoryOver(pages, every / 2)
  const state: Table<V> = { get: memory.get, set: (key, value) => memory.set(key, value, decisions) }
  let lastSeq = 0
  let lastOperation = ''
  let decisions = 0
  let isWriting = false
  let pagesFrom = 0

  /** A group that follows on what is folded so far. */
  const folded = async (group: D[]): Promise<Draft<V>> => {
    for (;;) {
      const draft = draftOn(state)
      let fault: unknown
      try {
        group.forEach((decision, index) => void fold(draft, decision, decisions + index + 1))
      } catch (error) {
        fault = error
      }
      const keys = memory.missed()
      if (keys.length === 0) {
        if (fault) throw fault
        return draft
      }
      for (const error of (await memory.load(keys)).values()) throw error
    }
  }

  const sync = async (each = async () => {}): Promise<Set<string>> => {
    const writers = new Set<string>()
    const last = await js.read(stream, { last_by_subj: subject })
    const isOther = (seq: number, id = '') => seq === lastSeq && id !== lastOperation
    // For good: what is decided here would be of another past. A process that starts again takes the log as it is.
    const replaced = () =>
      away('unavailable', `the ledger ${name} was made anew or put back while it was open; start again`)
    if ((last?.seq ?? 0) < lastSeq || (last && isOther(last.seq, last.headers[operation]))) throw replaced()
    while (last && lastSeq < last.seq) {
      // From the last one that is folded on, which says whether the log is still the same.
      const from = Math.max(1, lastSeq)
      const seqs = Array.from({ length: Math.min(readAtOnce, last.seq - from + 1) }, (_, index) => from + index)
      for (const stored of await Promise.all(seqs.map((seq) => js.read(stream, { seq })))) {
        if (!stored) throw new Error(`the ledger ${name} has a gap after ${lastSeq}`)
        const id = stored.headers[operation] ?? ''
        if (isOther(stored.seq, id)) throw replaced()
        if (stored.seq === lastSeq) continue
        const group = (JSON.parse(textOf(stored.data)) as { decisions: D[] }).decisions
        const draft = await folded(group)
        decisions += group.length
        draft.commit()
        lastSeq = stored.seq
        lastOperation = id
        writers.add(id)
        await each()
      }
    }
    return writers
  }

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

  /** False where they cannot be written, or another process was first: all stays in memory until the next time. */
  const writePages = async (budgetMs?: number): Promise<boolean> => {
    isWriting = true
    const position = { seq: lastSeq, operation: lastOperation, decisions }
    const isWritten = await pages.write(memory.unwritten(), position, budgetMs).catch(() => false)
    if (isWritten) memory.forget()
    isWriting = false
    return isWritten
  }

  const keepPages = async () => {
    const isDue = () => decisions - pages.position.decisions >= every || memory.fresh() >= every
    if (isWriting || decisions < pagesFrom || !isDue()) return
    // Pages that cannot be read or written must not keep every decision waiting.
    pagesFrom = decisions + every / 10
    try {
      if (await pages.refresh(isHeld, pagesMs)) memory.forget()
    } catch (error) {
      if (outdatedHead(error) !== undefined) throw error
      return
    }
    if (isDue()) void writePages()
  }

  /** False where pages know more than the ledger, as of one that was put back from an older copy. */
  const isHeld = async (position: Position, budgetMs?: number): Promise<boolean> => {
    const stored = await js.read(stream, { seq: position.seq }, budgetMs)
    if (stored?.headers[operation] !== position.operation) return false
    // They hold what these decisions made of the table, so memory must, too.
    if (decisions > 0 && decisions < position.decisions) await sync()
    return true
  }

  await pages.refresh(isHeld)
  ;({ seq: lastSeq, operation: lastOperation, decisions } = pages.position)
  let isFirst = true
  await sync(async () => {
    // A long replay, as of a ledger without pages, takes no more memory than a short one, unless another process is at it.
    if (isFirst && memory.fresh() >= mostFresh * every) isFirst = await writePages(pagesMs)
  })
  if (lastSeq === 0 && initial) {
    const all = initial()
    if (all.length > 0) await append(all, await folded(all))
  }

  return {
    state,
    get decisions() {
      return decisions
    },
    missed: memory.missed,
    load: memory.load,
    sync: () => sync(),
    append,
    keepPages,
  }
}
