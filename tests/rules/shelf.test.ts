import * as assert from 'uvu/assert'
import { fold, type Move, type ShelfAccount, shortage } from '../../functions/audit/_shelf'
import { type Random, random } from '../support/random'
import { suite } from '../support/suite'

const test = suite('audit’s count of a shelf')

const counted = (ledger_seq: number, pieces: number): Move => ({
  ledger_seq,
  at: `at ${ledger_seq}`,
  counted: pieces,
  on_hand: 0,
  reserved: 0,
})
const moved = (ledger_seq: number, on_hand: number, reserved: number): Move => ({
  ledger_seq,
  at: `at ${ledger_seq}`,
  on_hand,
  reserved,
})

/** The account after these moves, told in this order, so many at a time. */
function told(moves: Move[], atOnce = 50): ShelfAccount {
  let shelf: ShelfAccount | undefined
  for (let index = 0; index < moves.length; index += atOnce) {
    const page = moves.slice(index, index + atOnce).map((move, more) => ({ seq: index + more + 1, move }))
    shelf = fold(shelf, page)
  }
  return shelf as ShelfAccount
}

/** A ledger that never goes below zero, as inventory writes one. */
function lawful(choices: Random, length: number): Move[] {
  const moves = [counted(1, 50)]
  let [onHand, reserved, seq] = [50, 0, 1]
  while (moves.length < length) {
    // Decisions about other goods lie between.
    seq += choices.whole(1, 3)
    const kind = choices.whole(0, 9)
    if (kind < 5 && onHand > reserved) {
      reserved++
      moves.push(moved(seq, 0, 1))
    } else if (kind < 7 && reserved > 0) {
      reserved--
      moves.push(moved(seq, 0, -1))
    } else if (kind < 9 && reserved > 0) {
      reserved--
      onHand--
      moves.push(moved(seq, -1, -1))
    } else if (kind === 9) {
      onHand = reserved + choices.whole(0, 20)
      moves.push(counted(seq, onHand))
    }
  }
  return moves
}

/** The same moves, each told at most so many places away from its own. */
const shuffled = (choices: Random, moves: Move[], distance: number) =>
  moves
    .map((move, index) => ({ move, place: index + choices.whole(0, distance) }))
    .sort((one, other) => one.place - other.place)
    .map(({ move }) => move)

test('a lawful ledger is never short, in whatever order it is told', () => {
  const choices = random()
  for (let round = 0; round < 20; round++) {
    const moves = lawful(choices, 3_000)
    for (const distance of [0, 10, 500]) {
      const shelf = told(shuffled(choices, moves, distance))
      assert.is(shortage(shelf), undefined, `SEED=${choices.seed}, round ${round}, distance ${distance}`)
    }
  }
})

test('one piece too many is found, with its decision, in whatever order it is told', () => {
  const choices = random()
  for (let round = 0; round < 20; round++) {
    const before = lawful(choices, choices.whole(1, 2_500))
    const after = before.at(-1)?.ledger_seq as number
    const level = before.reduce(
      (sum, { counted, on_hand, reserved }) => ({
        on_hand: (counted ?? sum.on_hand) + on_hand,
        reserved: sum.reserved + reserved,
      }),
      { on_hand: 0, reserved: 0 },
    )
    const tooMany = moved(after + 1, 0, level.on_hand - level.reserved + 1)
    const rest = Array.from({ length: choices.whole(0, 1_500) }, (_, index) => counted(after + 2 + index, 1_000))
    const shelf = told(shuffled(choices, [...before, tooMany, ...rest], 100))
    assert.is(shortage(shelf)?.ledger_seq, after + 1, `SEED=${choices.seed}, round ${round}`)
  }
})

test('the account stays small, however many moves there are', () => {
  assert.ok(told(lawful(random(), 5_000)).moves.length <= 1_000)
})

test('what is told again changes nothing', () => {
  const moves = lawful(random(), 100)
  const shelf = told(moves)
  assert.equal({ ...told([...moves, ...moves]), seq: 0 }, { ...shelf, seq: 0 })
  assert.is(
    fold(shelf, [{ seq: 1, move: { ...(moves[1] as Move), reserved: 99 } }]),
    shelf,
    'an event that it holds already',
  )
})

test('a first count that is late puts right what came before it', () => {
  const moves = Array.from({ length: 2_000 }, (_, index) => moved(index + 2, 0, 1))
  assert.is(shortage(told(moves))?.ledger_seq, 2)
  assert.is(shortage(told([...moves, counted(1, 2_000)])), undefined)
})

test('a later count that is late counts, with what left after it', () => {
  const before = [counted(1, 10), moved(2, 0, 1), moved(3, -1, -1)]
  const after = Array.from({ length: 1_200 }, (_, index) =>
    index % 2 ? moved(5 + index, 0, 1) : moved(5 + index, index % 100 ? 0 : -1, index % 100 ? 1 : 0),
  )
  assert.ok(shortage(told([...before, ...after])))
  assert.is(shortage(told([...before, ...after, counted(4, 5_000)])), undefined)
  assert.ok(shortage(told([counted(1, 5_000), ...after, counted(4, 10)])), 'a lower one is a shortage')
})

test('a release that is late puts right what came after it', () => {
  const moves = [counted(1, 1), moved(2, 0, 1), ...Array.from({ length: 1_500 }, (_, index) => counted(index + 5, 9))]
  const late = told([...moves.slice(0, 2), moved(4, 0, 1), ...moves.slice(2), moved(3, 0, -1)])
  assert.is(shortage(late), undefined)
})

test.run()
