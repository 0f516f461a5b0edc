import { textOf } from '../runtime/envelope'
import { away } from '../runtime/errors'
import { step } from '../runtime/failpoint'
import { isConflict, type JetStream } from '../runtime/nats/jetstream'
import type { Ledger, LedgerDefinition, Table } from '../runtime/types'
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

export const ledgerStream = (name: string) => ({ stream: `LEDGER_${name}`, subject: `ledger.${name}` })

/**
 * A log of decisions, folded into a table in memory. Requests that queued while an append was under way go into the
 * next one (group commit); an append conflicts when another process appended, then the tail is folded and all is
 * decided again. Nobody hears of a decision before it is durable, nor that there is none before the tail was read.
 */
export function openLedger<D, V>(js: JetStream, name: string, definition: LedgerDefinition<D, V>): Ledger<D, V> {
  const { stream, subject } = ledgerStream(name)
  const state = new Map<string, V>()
  let lastSeq = 0
  let decisions = 0
  let begun = false
  let current = false
  let queue: Request<D, V>[] = []
  let running = false

  const decide: Ledger<D, V>['decide'] = (choose, read) =>
    new Promise((resolve, reject) => {
      queue.push({ choose, read, resolve: resolve as (value: unknown) => void, reject })
      if (!running) run()
    })

  const run = async () => {
    running = true
    while (queue.length > 0) {
      const group = queue
      queue = []
      try {
        await settle(group)
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
      const draft = draftOf(state)
      const { chosen, refused, none, left } = choose(requests, draft)
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
        else answer(request)
      }
      return
    }
  }

  const answer = (request: Request<D, V>) => {
    try {
      request.resolve(request.read(readOnly(state)))
    } catch (error) {
      request.reject(error)
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
          definition.fold(draft, decision, decisions + chosen.length + 1)
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
      decisions += group.length
      draft.commit()
      return true
    } catch (error) {
      if (!isConflict(error)) throw error
      // An append whose ack was lost conflicts with itself when it is sent again; sync has folded it then.
      return (await sync()).has(id)
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
        for (const decision of (JSON.parse(textOf(stored.data)) as { decisions: D[] }).decisions) {
          definition.fold(state as Table<V>, decision, ++decisions)
        }
        lastSeq = stored.seq
        writers.add(stored.headers[operation] ?? '')
      }
    }
    current = true
    return writers
  }

  const begin = async () => {
    await sync()
    if (lastSeq === 0 && definition.initial) {
      const draft = draftOf(state)
      const initial = definition.initial()
      initial.forEach((decision, index) => void definition.fold(draft, decision, index + 1))
      if (initial.length > 0) await append(initial, draft)
    }
    begun = true
  }

  return { decide, read: (read) => decide(() => undefined, read) }
}

interface Draft<V> extends Table<V> {
  commit(): void
}

/** Changes on top of the state, so that a group that does not land leaves no trace. */
function draftOf<V>(state: Map<string, V>): Draft<V> {
  const changes = new Map<string, V>()
  return {
    get: (key) => (changes.has(key) ? changes.get(key) : state.get(key)),
    set: (key, value) => void changes.set(key, value),
    commit() {
      for (const [key, value] of changes) state.set(key, value)
    },
  }
}

const readOnly = <V>(state: Map<string, V>): Table<V> => ({
  get: (key) => state.get(key),
  set() {
    throw new Error('a read of a ledger changes nothing; append a decision')
  },
})
