import { textOf } from '../runtime/envelope'
import { away } from '../runtime/errors'
import { step } from '../runtime/failpoint'
import { isConflict, type JetStream } from '../runtime/nats/jetstream'
import { filterOf, hashed, mayHave } from './filter'
import { nextOperation } from './operation'

/** Up to where a ledger is folded: the sequence of an append, its id, and how many decisions there are with it. */
export interface Position {
  seq: number
  operation: string
  decisions: number
}

export interface Pages<V> {
  /** Up to where the ledger is in the pages; at 0 decisions it is in none. */
  readonly position: Position
  /** Takes over what some process wrote last, where `holds` says that the ledger still has it. */
  refresh(holds: (position: Position, budgetMs?: number) => Promise<boolean>, budgetMs?: number): Promise<void>
  /** False where no page has the key, for certain. */
  mayHold(key: string): boolean
  /** What the newest page that has the key says of it. */
  read(key: string): Promise<V | undefined>
  /** Writes what has changed since `position`; does nothing where another process was first. */
  write(entries: [key: string, value: V][], position: Position): Promise<void>
}

interface Head extends Position {
  /** Where their indexes are, oldest first. */
  segments: number[]
}

interface Index {
  id: string
  /** First key and sequence of each page, in the order of the keys. */
  pages: [string, number][]
  filter: string
}

interface Segment extends Omit<Index, 'filter'> {
  filter: Uint8Array
}

const pageBytes = 64 * 1024
const atOnce = 16
// Its index is one message.
const mostEntries = 20_000
const none: Position = { seq: 0, operation: '', decisions: 0 }

export const pagesStream = (name: string) => ({
  stream: `LEDGER_${name}_pages`,
  subject: `pages.${name}`,
  head: `pages.${name}.head`,
})

/**
 * The table of a ledger in sorted pages on a stream, written in segments: each holds what changed since the one before,
 * the newest that has a key is right. Its head names all segments and how far they go; it is written last, so that a
 * process that dies before leaves nothing that counts. The ledger is the truth: pages that know more than it are not used.
 */
export function openPages<V>(js: JetStream, name: string): Pages<V> {
  const { stream, subject, head: headSubject } = pagesStream(name)
  let segments: { at: number; segment: Segment }[] = []
  let position = none
  /** The sequence of the head that was seen last, used or not. */
  let headSeq = 0

  const lost = () => away('unavailable', `${stream} was made anew while it was in use, or has lost pages`)

  const json = async <T>(seq: number, budgetMs?: number): Promise<T> => {
    const stored = await js.read(stream, { seq }, budgetMs)
    if (!stored) throw lost()
    return JSON.parse(textOf(stored.data)) as T
  }

  const segmentAt = async (at: number, budgetMs?: number) => {
    const known = segments.find((one) => one.at === at)
    if (known) return known
    const { filter, ...index } = await json<Index>(at, budgetMs)
    return { at, segment: { ...index, filter: new Uint8Array(Buffer.from(filter, 'base64')) } }
  }

  const put = async (of: string, body: unknown, lastSubjectSeq?: number) => {
    const sent = await step(`pages ${name}`, () => js.publish(of, JSON.stringify(body), { stream, lastSubjectSeq }))
    return sent.seq
  }

  const writeSegment = async (entries: [string, V][]) => {
    const id = nextOperation()
    const pages: [string, number][] = []
    const sheets = inSheets(entries)
    for (let from = 0; from < sheets.length; from += atOnce) {
      const some = sheets.slice(from, from + atOnce)
      const seqs = await Promise.all(some.map((sheet) => put(subject, { id, entries: sheet })))
      for (const [index, seq] of seqs.entries()) pages.push([some[index]?.[0]?.[0] ?? '', seq])
    }
    const filter = filterOf(entries.map(([key]) => key))
    const at = await put(subject, { id, pages, filter: Buffer.from(filter).toString('base64') } satisfies Index)
    return { at, segment: { id, pages, filter } }
  }

  return {
    get position() {
      return position
    },

    async refresh(holds, budgetMs) {
      const stored = await js.read(stream, { last_by_subj: headSubject }, budgetMs)
      if ((stored?.seq ?? 0) < headSeq) throw lost()
      if (!stored || stored.seq === headSeq) return
      const { segments: at, ...newest } = JSON.parse(textOf(stored.data)) as Head
      if (await holds(newest, budgetMs)) {
        segments = await Promise.all(at.map((one) => segmentAt(one, budgetMs)))
        position = newest
      }
      headSeq = stored.seq
    },

    mayHold(key) {
      if (segments.length === 0) return false
      const hash = hashed(key)
      return segments.some(({ segment }) => mayHave(segment.filter, hash))
    },

    async read(key) {
      const hash = hashed(key)
      for (const { segment } of segments.toReversed()) {
        if (!mayHave(segment.filter, hash)) continue
        const page = segment.pages.findLast(([first]) => first <= key)
        if (!page) continue
        const { id, entries } = await json<{ id: string; entries: [string, V][] }>(page[1])
        if (id !== segment.id) throw lost()
        const found = entries.find(([one]) => one === key)
        if (found) return found[1]
      }
      return undefined
    },

    async write(entries, next) {
      const all = [...segments]
      for (let from = 0; from < entries.length; from += mostEntries) {
        all.push(await writeSegment(entries.slice(from, from + mostEntries)))
      }
      try {
        headSeq = await put(headSubject, { ...next, segments: all.map((one) => one.at) } satisfies Head, headSeq)
      } catch (error) {
        // Another process's, or this one's own, sent twice: the next look finds out which.
        if (isConflict(error)) return
        throw error
      }
      segments = all
      position = next
    },
  }
}

/** Sorted by key, in pieces of at most `pageBytes` or one entry. */
function inSheets<V>(entries: [string, V][]): [string, V][][] {
  const sheets: [string, V][][] = []
  let bytes = pageBytes
  for (const entry of entries.toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const weight = JSON.stringify(entry).length
    if (bytes + weight > pageBytes) {
      sheets.push([])
      bytes = 0
    }
    sheets.at(-1)?.push(entry)
    bytes += weight
  }
  return sheets
}
