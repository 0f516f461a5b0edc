import type { Random } from '../support/random'

/** How to make one field: mostly right, often at a limit or one beyond it. */
type Make = (random: Random) => unknown

const letters = ['x', ' ', 'ä', '😀', '\u0301', '\ud800', '\n', '0', '-', '_', '.']

const text =
  (most: number): Make =>
  (random) => {
    const length = random.one([1, 1, 2, 5, most - 1, most, most, most + 1, 0])
    return random.one(letters).repeat(random.one([length, length, Math.ceil(length / 2)]))
  }

const whole =
  (least: number, most: number): Make =>
  (random) =>
    random.one([
      least,
      least + 1,
      most,
      most - 1,
      random.whole(least, most),
      least - 1,
      most + 1,
      least + 0.5,
      -0,
      1e21,
    ])

const one =
  (...of: string[]): Make =>
  (random) =>
    random.chance(0.9) ? random.one(of) : random.one(['', 'other', of[0]?.toUpperCase()])

const sku: Make = (random) => {
  const body = random.one(['moka-pot', 'a', 'A_9-', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(65), ''])
  return random.chance(0.8) ? body : random.one(letters) + body + random.one(letters)
}

const line: Make = fields({ sku, qty: whole(1, 10_000) })

const lines: Make = (random) => {
  const count = random.one([1, 1, 1, 2, 3, 99, 100, 101, 0])
  const some = Array.from({ length: count }, () => ({ sku: 'moka-pot', qty: 1 }) as unknown)
  if (count > 0 && random.chance(0.5)) some[random.whole(0, count - 1)] = line(random)
  return some
}

export const bodies = {
  newOrder: fields({ user_id: text(128), items: lines, address: text(500), payment_method: one('card') }),
  cancel: fields({ reason: text(200) }),
  shelf: fields({ on_hand: whole(0, 1_000_000_000), unit_price: whole(0, 100_000_000), name: text(200) }),
  report: fields({ status: one('picked_up', 'delivered', 'failed'), note: text(200) }),
}

const plain: Record<string, unknown> = {
  user_id: 'u-1',
  items: [{ sku: 'moka-pot', qty: 1 }],
  address: '1 Main Street',
  payment_method: 'card',
  reason: 'too late',
  on_hand: 5,
  unit_price: 100,
  name: 'Moka pot',
  status: 'delivered',
  note: 'at the door',
  sku: 'moka-pot',
  qty: 1,
}

/** A right object with one or two of its fields made anew, and now and then one left out, spoilt or too many. */
function fields(makes: Record<string, Make>): Make {
  const names = Object.keys(makes)
  return (random) => {
    const body = new Map(names.map((name) => [name, plain[name]]))
    for (let count = random.whole(0, 2); count > 0; count--) {
      const name = random.one(names)
      body.set(name, makes[name]?.(random))
    }
    if (random.chance(0.2)) body.delete(random.one(names))
    if (random.chance(0.1)) body.set(random.one(names), random.one(junk))
    if (random.chance(0.1)) body.set(random.one(['stranger', 'toString', '__proto__', '', 'by']), random.one(junk))
    const text = [...body].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
    return random.chance(0.02) ? random.one(junk) : JSON.parse(`{${text.join()}}`)
  }
}

/** What JSON can be, right nowhere or in few places. */
const junk = [null, true, false, 0, 1, -1, 1.5, '', 'x', '1', [], [null], [[]], {}, { length: 1 }, 'card']
