/** One decision of the stock ledger about one SKU, as an event told it. */
export interface Move {
  ledger_seq: number
  at: string
  /** What the shelf was counted to hold; a move otherwise. */
  counted?: number
  on_hand: number
  reserved: number
}

/** A move, and the place in the stream of the event that told it. */
export interface Told {
  seq: number
  move: Move
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
  /** What left the shelf since that count, by `ledger_seq`, of what is settled. */
  left: [ledger_seq: number, on_hand: number][]
  /** Settled moves that went below zero; a move that comes later with an earlier number may put one right. */
  short: (Level & Pick<Move, 'ledger_seq' | 'at'>)[]
}

const mostMoves = 500
const mostLeft = 500
const mostShort = 20

const empty: ShelfAccount = {
  seq: 0,
  on_hand: 0,
  reserved: 0,
  settled: 0,
  counted: 0,
  moves: [],
  left: [],
  short: [],
}

/** The account with these moves in it; those of events that it holds already change nothing. */
export function fold(known: ShelfAccount = empty, given: Told[]): ShelfAccount {
  const here = new Set(known.moves.map((move) => move.ledger_seq))
  // Those that are apart are known by their number, counts too, the others by the place of their event.
  const isFresh = ({ seq, move }: Told) =>
    move.ledger_seq > known.settled ? !here.has(move.ledger_seq) : move.counted !== undefined || seq > known.seq
  const fresh = given.filter(isFresh)
  if (fresh.length === 0) return known
  const apart = fresh.map(({ move }) => move).filter((move) => move.ledger_seq > known.settled)
  const late = fresh.map(({ move }) => move).filter((move) => move.ledger_seq <= known.settled)
  const seq = Math.max(known.seq, ...fresh.map((one) => one.seq))
  const shelf = late.reduce(takeLate, { ...known, seq })
  return settle({ ...shelf, moves: inOrder([...shelf.moves, ...apart]) })
}

/** By their number, each once. */
const inOrder = (moves: Move[]): Move[] =>
  [...new Map(moves.map((move) => [move.ledger_seq, move])).values()].sort(
    (one, other) => one.ledger_seq - other.ledger_seq,
  )

/** What a late move adds, it adds to all that was settled after it. */
function takeLate(shelf: ShelfAccount, move: Move): ShelfAccount {
  if (move.counted !== undefined) return countLate(shelf, move.ledger_seq, move.counted)
  // A count says what was there, whatever had left before it.
  const before = move.ledger_seq < shelf.counted
  return shifted(shelf, move.ledger_seq, before ? { on_hand: 0, reserved: move.reserved } : move)
}

/** Of a count that is late only what left after it counts; a newer one stands. */
function countLate(shelf: ShelfAccount, ledger_seq: number, counted: number): ShelfAccount {
  if (ledger_seq <= shelf.counted) return shelf
  const left = shelf.left.filter(([seq]) => seq > ledger_seq)
  const on_hand = left.reduce((sum, [, gone]) => sum + gone, counted)
  return { ...shifted(shelf, ledger_seq, { on_hand: on_hand - shelf.on_hand, reserved: 0 }), counted: ledger_seq, left }
}

function shifted(shelf: ShelfAccount, from: number, { on_hand, reserved }: Level): ShelfAccount {
  const by = { on_hand, reserved }
  const short = shelf.short
    .map((one) => (one.ledger_seq > from ? { ...one, ...plus(one, by) } : one))
    .filter((one) => one.ledger_seq <= from || isShort(one))
  return { ...shelf, ...plus(shelf, by), short }
}

function settle(shelf: ShelfAccount): ShelfAccount {
  const over = Math.max(0, shelf.moves.length - mostMoves)
  const settled = {
    ...shelf,
    moves: shelf.moves.slice(over),
    left: [...shelf.left],
    short: [...shelf.short],
  }
  for (const move of shelf.moves.slice(0, over)) {
    Object.assign(settled, after(settled, move), { settled: move.ledger_seq })
    if (move.counted !== undefined) Object.assign(settled, { counted: move.ledger_seq, left: [] })
    else if (move.on_hand !== 0) settled.left.push([move.ledger_seq, move.on_hand])
    noteShort(settled, move.at)
  }
  settled.left.splice(0, settled.left.length - mostLeft)
  // What came late may have left it short as well, without a move of its own to name.
  if (over === 0 && settled.short.length === 0) noteShort(settled, settled.moves[0]?.at ?? '')
  return settled
}

function noteShort(shelf: ShelfAccount, at: string): void {
  const { on_hand, reserved, settled: ledger_seq, short } = shelf
  if (isShort(shelf) && short.length < mostShort) short.push({ on_hand, reserved, ledger_seq, at })
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
