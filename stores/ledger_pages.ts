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
  /** Takes over what some process wrote last, where `holds` says that the ledger still has it; resolves with whether it did. */
  refresh(holds: (position: Position, budgetMs?: number) => Promise<boolean>, budgetMs?: number): Promise<boolean>
  /** False where no page has the key, for certain. */
  mayHold(key: string): boolean
  /** What the newest page that has the key says of it. */
  read(key: string): Promise<V | undefined>
  /** Writes what has changed since `position`; false where another process was first. */
  write(entries: [key: string, value: V][], position: Position, budgetMs?: number): Promise<boolean>
}

interface Head extends Position {
  version: number
  /** Where their indexes are, and their ids; oldest first. */
  segments: [seq: number, id: string][]
}

interface Index {
  id: string
  /** First key and sequence of each page, in the order of the keys. */
  pages: [string, number][]
  filter: string
}

/** A key and its value, or where the pieces of a value are that is too large for a page. */
type Leaf<V> = [key: string, value: V] | [key: string, value: null, pieces: number[]]

/** A page on its way: its keys, and of each the text of its leaf. */
interface Sheet {
  keys: string[]
  leaves: string[]
}

interface Segment {
  seq: number
  id: string
  pages: [string, number][]
  filter: Uint8Array
}

interface Options {
  /** Of the fold: what another one made of the same decisions is not used. */
  version: number
  /** Heads up to here are not used: what they name cannot be read. */
  after: number
}

const pageLength = 64 * 1024
const pieceLength = 128 * 1024
const atOnce = 16
// Its index is one message.
const most = { pages: 4_000, keys: 40_000 }
const none: Position = { seq: 0, operation: '', decisions: 0 }

export const pagesStream = (name: string) => ({
  stream: `LEDGER_${name}_pages`,
  subject: `pages.${name}`,
  head: `pages.${name}.head`,
})

/** A fault that ends what was folded so far, with the last head that may have led to it: all begins anew from the log. */
function outdated(message: string, head: number): Error {
  return Object.assign(away('unavailable', message), { outdatedHead: head })
}
export const outdatedHead = (error: unknown) => (error as { outdatedHead?: number } | undefined)?.outdatedHead

/**
 * The table of a ledger in sorted pages on a stream, written in segments: each holds what changed since the one before,
 * the newest that has a key is right. Its head names all segments and how far they go; it is written last, so that a
 * process that dies before leaves nothing that counts. The ledger is the truth: pages that know more than it are not used.
 */
export function openPages<V>(js: JetStream, name: string, { version, after }: Options): Pages<V> {
  const { stream, subject, head: headSubject } = pagesStream(name)
  let segments: Segment[] = []
  let position = none
  /** The sequence of the head that was seen last, used or not. */
  let headSeq = 0

  const lost = () => outdated(`${stream} was made anew while it was in use, or has lost pages`, headSeq)

  const json = async <T extends { id: string }>(seq: number, id: string, budgetMs?: number): Promise<T> => {
    const stored = await js.read(stream, { seq }, budgetMs)
    const found = stored && (JSON.parse(textOf(stored.data)) as T)
    if (found?.id !== id) throw lost()
    return found
  }

  const segmentAt = async (seq: number, id: string, budgetMs?: number): Promise<Segment> => {
    const known = segments.find((one) => one.seq === seq && one.id === id)
    if (known) return known
    const { pages, filter } = await json<Index>(seq, id, budgetMs)
    return { seq, id, pages, filter: new Uint8Array(Buffer.from(filter, 'base64')) }
  }

  const put = async (of: string, text: string, budgetMs?: number, lastSubjectSeq?: number) => {
    const sent = { stream, lastSubjectSeq, budgetMs }
    return (await step(`pages ${name}`, () => js.publish(of, text, sent))).seq
  }

  const writeSegment = async (sheets: Sheet[], id: string, budgetMs?: number): Promise<Segment> => {
    const pages: [string, number][] = []
    const textOfPage = ({ leaves }: Sheet) => `{"id":${JSON.stringify(id)},"entries":[${leaves.join()}]}`
    for (let from = 0; from < sheets.length; from += atOnce) {
      const some = sheets.slice(from, from + atOnce)
      const seqs = await Promise.all(some.map((sheet) => put(subject, textOfPage(sheet), budgetMs)))
      for (const [index, seq] of seqs.entries()) pages.push([some[index]?.keys[0] ?? '', seq])
    }
    const filter = filterOf(sheets.flatMap(({ keys }) => keys))
    const index: Index = { id, pages, filter: Buffer.from(filter).toString('base64') }
    return { seq: await put(subject, JSON.stringify(index), budgetMs), id, pages, filter }
  }

  /** In the order of the keys, with what is too large for a page in pieces of its own. */
  const inSheets = async (entries: [string, V][], id: string, budgetMs?: number): Promise<Sheet[]> => {
    const sheets: Sheet[] = []
    let length = pageLength
    for (const [key, value] of entries.toSorted(([one], [other]) => (one < other ? -1 : 1))) {
      const text = JSON.stringify(value)
      const pieces: number[] = []
      for (let from = 0; text.length > pieceLength && from < text.length; from += pieceLength) {
        const piece = { id, text: text.slice(from, from + pieceLength) }
        pieces.push(await put(subject, JSON.stringify(piece), budgetMs))
      }
      const weight = key.length + (pieces.length > 0 ? 0 : text.length)
      if (length + weight > pageLength) {
        sheets.push({ keys: [], leaves: [] })
        length = 0
      }
      const leaf = pieces.length > 0 ? `null,${JSON.stringify(pieces)}` : text
      sheets.at(-1)?.keys.push(key)
      sheets.at(-1)?.leaves.push(`[${JSON.stringify(key)},${leaf}]`)
      length += weight
    }
    return sheets
  }

  return {
    get position() {
      return position
    },

    async refresh(holds, budgetMs) {
      const stored = await js.read(stream, { last_by_subj: headSubject }, budgetMs)
      if ((stored?.seq ?? 0) < headSeq) throw lost()
      if (!stored || stored.seq === headSeq) return false
      const { segments: named, version: of, ...newest } = JSON.parse(textOf(stored.data)) as Head
      const isUsable = of === version && stored.seq > after && (await holds(newest, budgetMs))
      if (isUsable) {
        segments = await Promise.all(named.map(([seq, id]) => segmentAt(seq, id, budgetMs)))
        position = newest
      }
      headSeq = stored.seq
      return isUsable
    },

    mayHold(key) {
      if (segments.length === 0) return false
      const hash = hashed(key)
      return segments.some(({ filter }) => mayHave(filter, hash))
    },

    async read(key) {
      const hash = hashed(key)
      for (const { id, pages, filter } of segments.toReversed()) {
        const page = mayHave(filter, hash) && pages.findLast(([first]) => first <= key)
        if (!page) continue
        const { entries } = await json<{ id: string; entries: Leaf<V>[] }>(page[1], id)
        const found = entries.find(([one]) => one === key)
        if (!found) continue
        const [, value, pieces] = found
        if (!pieces) return value as V
        const texts = await Promise.all(pieces.map((seq) => json<{ id: string; text: string }>(seq, id)))
        return JSON.parse(texts.map(({ text }) => text).join('')) as V
      }
      return undefined
    },

    async write(entries, next, budgetMs) {
      const id = nextOperation()
      const sheets = await inSheets(entries, id, budgetMs)
      const all = [...segments]
      for (let from = 0; from < sheets.length; ) {
        let to = from
        for (let keys = 0; to < sheets.length && to - from < most.pages && keys < most.keys; to++) {
          keys += sheets[to]?.keys.length ?? 0
        }
        all.push(await writeSegment(sheets.slice(from, to), id, budgetMs))
        from = to
      }
      const head: Head = { ...next, version, segments: all.map(({ seq, id }) => [seq, id]) }
      try {
        headSeq = await put(headSubject, JSON.stringify(head), budgetMs, headSeq)
      } catch (error) {
        // Another process's, or this one's own, sent twice: the next look finds out which.
        if (isConflict(error)) return false
        throw error
      }
      segments = all
      position = next
      return true
    },
  }
}
