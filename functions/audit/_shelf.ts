/** One decision of the stock ledger about one SKU, as an event told it. */
export interface Move {
  ledger_seq: number
  at: string
  /** What the shelf was counted to hold; a move otherwise. */
  counted?: number
  on_hand: number
  reserved: number
}

interface Level {
  on_hand: number
  reserved: number
}

/** Audit's own count of one SKU, folded by `ledger_seq`: the newest moves stay apart, since events overtake each other. */
export interface ShelfAccount extends Level {
  /** The last event of the stream that is in it. */
  seq: number
  /** The last move that is no longer apart. */
  settled: number
  /** The last count among those. */
  counted: number
  moves: Move[]
  /** Settled moves that went below zero; a move that comes later with an earlier number may put one right. */
  short: (Level & Pick<Move, 'ledger_seq' | 'at'>)[]
}

const mostMoves = 1_000
const mostShort = 20

const empty: ShelfAccount = { seq: 0, on_hand: 0, reserved: 0, settled: 0, counted: 0, moves: [], short: [] }

/** The account with these moves in it; those of events that it holds already change nothing. */
export function fold(known: ShelfAccount = empty, given: { seq: number; move: Move }[]): ShelfAccount {
  const fresh = given.filter(({ seq }) => seq > known.seq)
  const last = fresh.at(-1)
  if (!last) return known
  const apart = fresh.map(({ move }) => move).filter((move) => move.ledger_seq > known.settled)
  const late = fresh.map(({ move }) => move).filter((move) => move.ledger_seq <= known.settled)
  const shelf = late.reduce(takeLate, { ...known, seq: last.seq })
  return settle({ ...shelf, moves: inOrder([...shelf.moves, ...apart]) })
}

/** By their number, each once. */
const inOrder = (moves: Move[]): Move[] =>
  [...new Map(moves.map((move) => [move.ledger_seq, move])).values()].sort(
    (one, other) => one.ledger_seq - other.ledger_seq,
  )

/** What a late move adds, it adds to all that was settled after it. */
function takeLate(shelf: ShelfAccount, move: Move): ShelfAccount {
  // Nothing leaves a shelf before its first count; of a later one that is late only the newest count stands.
  if (move.counted !== undefined && shelf.counted > 0) return shelf
  const added = { on_hand: (move.counted ?? 0) + move.on_hand, reserved: move.reserved }
  const short = shelf.short.map((one) => (one.ledger_seq > move.ledger_seq ? { ...one, ...plus(one, added) } : one))
  // A count says what was there, whatever had left before it.
  const left = move.ledger_seq < shelf.counted ? { ...added, on_hand: 0 } : added
  return {
    ...shelf,
    ...plus(shelf, left),
    counted: move.counted === undefined ? shelf.counted : move.ledger_seq,
    short: short.filter(isShort),
  }
}

function settle(shelf: ShelfAccount): ShelfAccount {
  const over = shelf.moves.length - mostMoves
  if (over <= 0) return shelf
  const settled = { ...shelf, moves: shelf.moves.slice(over), short: [...shelf.short] }
  for (const move of shelf.moves.slice(0, over)) {
    Object.assign(settled, after(settled, move), { settled: move.ledger_seq })
    if (move.counted !== undefined) settled.counted = move.ledger_seq
    const { on_hand, reserved } = settled
    if (isShort(settled) && settled.short.length < mostShort) {
      settled.short.push({ on_hand, reserved, ledger_seq: move.ledger_seq, at: move.at })
    }
  }
  return settled
}

/** Where it goes below zero, first; undefined where it never does. */
export function shortage({ on_hand, reserved, moves, short }: ShelfAccount) {
  const [first] = short
  if (first) return first
  let level: Level = { on_hand, reserved }
  for (const move of moves) {
    level = after(level, move)
    if (isShort(level)) return { ...level, ledger_seq: move.ledger_seq, at: move.at }
  }
  return undefined
}

const after = (level: Level, { counted, on_hand, reserved }: Move): Level =>
  plus({ on_hand: counted ?? level.on_hand, reserved: level.reserved }, { on_hand, reserved })
const plus = (one: Level, other: Level): Level => ({
  on_hand: one.on_hand + other.on_hand,
  reserved: one.reserved + other.reserved,
})
const isShort = ({ on_hand, reserved }: Level) => reserved < 0 || on_hand < reserved
