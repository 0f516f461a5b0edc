import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { inspect, isDeepStrictEqual } from 'node:util'
import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import { check } from '../../runtime/contracts'
import { isRejection } from '../../runtime/errors'
import type { Contracts, Struct } from '../../runtime/types'
import * as built from '../../validate/quick'
import { type Random, seeded } from '../support/random'
import { suite } from '../support/suite'
import audit from './audit'
import delivery from './delivery'
import { example, type Fixtures } from './fixture'
import inventory from './inventory'
import notification from './notification'
import order from './order'
import payment from './payment'

const test = suite('the quick judgement of a struct is superstruct’s own')

const { quick } = built
const mutations = 400
const fixtures: Fixtures = { ...audit, ...delivery, ...inventory, ...notification, ...order, ...payment }
const { Manifest } = (await import(pathToFileURL('dist/runtime/manifest.mjs').href)) as {
  Manifest: { [quick]?(value: unknown): boolean }
}
const bundled = ((await import(pathToFileURL('dist/contracts.mjs').href)) as { contracts: Contracts }).contracts

const pool = [
  undefined,
  null,
  0,
  1,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  '',
  'x',
  'x'.repeat(300),
  '\u{1F600}'.repeat(120),
  'espresso-beans',
  '2026-01-30T12:00:00.000Z',
  '2026-02-30T12:00:00.000Z',
  'EUR',
  true,
  [],
  [1],
  // biome-ignore lint/suspicious/noSparseArray: a handler may make one
  [, 1],
  {},
  { sku: 'a', qty: 1 },
  new Map(),
  new Date(0),
] as const

/** The value with something in it changed, added or taken away, at any depth. */
function mutated(value: unknown, random: Random): unknown {
  if (random.chance(0.15) || typeof value !== 'object' || value === null) return random.one(pool)
  if (Array.isArray(value)) {
    const copy = [...value]
    if (random.chance(0.3)) copy.push(copy.length && random.chance(0.7) ? random.one(copy) : random.one(pool))
    else if (copy.length > 0) {
      const at = random.whole(0, copy.length - 1)
      copy[at] = mutated(copy[at], random)
    }
    return copy
  }
  const copy: Record<string, unknown> = { ...value }
  const names = Object.keys(copy)
  if (random.chance(0.2)) setField(copy, random.one(['more', '__proto__', 'constructor', 'length']), random.one(pool))
  else if (names.length > 0) {
    const name = random.one(names)
    if (random.chance(0.3)) delete copy[name]
    else copy[name] = mutated(copy[name], random)
  }
  return copy
}

/** As JSON.parse does, which makes a field of any name. */
const setField = (on: object, name: string, value: unknown) =>
  Object.defineProperty(on, name, { value, enumerable: true, configurable: true, writable: true })

function same(fast: unknown, slow: unknown, value: unknown): void {
  if (isDeepStrictEqual(fast, slow)) return
  assert.unreachable(`${inspect(value)}: ${inspect(fast)}, not ${inspect(slow)}`)
}

function told(struct: Struct, value: unknown, mask: boolean): unknown {
  try {
    return { value: check(struct, value, mask) }
  } catch (error) {
    if (isRejection(error)) return { errors: error.errors }
    throw error
  }
}

const sides = ['body', 'request', 'reply'] as const

for (const [subject, fixture] of Object.entries(fixtures)) {
  for (const side of sides) {
    const [slow, fast] = [contracts, bundled].map(
      (all) => ((all as Contracts)[subject] as unknown as Record<string, Struct | undefined>)[side],
    )
    if (!slow || !fast) continue
    const right = example(side === 'body' ? (fixture as never) : (fixture as never)[side])

    test(`${subject}, its ${side}`, () =>
      seeded((random) => {
        for (let round = 0; round < mutations; round++) {
          let value: unknown = structuredClone(right)
          for (let times = random.whole(0, 3); times > 0; times--) value = mutated(value, random)
          for (const mask of [false, true]) same(told(fast, value, mask), told(slow, value, mask), value)
        }
      }))
  }
}

test('nearly all contracts have it, and accept their example by it', () => {
  const accepted = Object.entries(fixtures).filter(([subject, fixture]) => {
    if ('request' in fixture) return false
    const { body } = bundled[subject] as { body: Struct & { [quick]?(value: unknown): boolean } }
    return body[quick]?.(example(fixture))
  })
  assert.ok(accepted.length > 15, `only ${accepted.length} messages`)
})

test('the manifest is accepted by it', () => {
  const manifest = JSON.parse(readFileSync('manifest.json', 'utf8'))
  assert.is(Manifest[quick]?.(manifest), true)
  manifest.functions[0].policy.backoffMs = [0]
  assert.is(Manifest[quick]?.(manifest), false)
})

test('every kind of struct, nested and at its limits', () =>
  seeded((random) => {
    const kinds = [
      built.object({ a: built.optional(built.nullable(built.integer())), b: built.array(built.string()) }),
      built.type({ a: built.min(built.number(), 1, { exclusive: true }), b: built.size(built.string(), 1) }),
      built.record(built.pattern(built.string(), /^[a-c]$/), built.max(built.integer(), 3)),
      built.size(built.array(built.enums(['x', 'y'])), 1, 2),
      built.object({ a: built.literal(1), b: built.nonempty(built.array(built.boolean())), c: built.unknown() }),
      built.refine(built.number(), 'odd', (value) => value % 2 === 1 || 'Expected an odd number'),
      built.defaulted(built.object({ a: built.string() }), { a: 'x' }),
      built.union([built.string(), built.object({ a: built.integer() })]),
      built.union([
        built.object({ a: built.literal(1), b: built.unknown() }),
        built.object({ a: built.literal(2), b: built.string() }),
      ]),
      built.union([built.min(built.integer(), 1), built.nonempty(built.array(built.min(built.integer(), 1)))]),
      built.union([built.boolean(), built.refine(built.string(), 'x', (text) => text === 'x' || 'Expected x')]),
      built.union([built.string(), built.array(built.type({ a: built.integer() }))]),
      built.tuple([built.string(), built.optional(built.type({ a: built.integer() }))]),
      built.array(built.tuple([built.string(), built.string()])),
      built.union([built.object({ a: built.unknown() }), built.object({ a: built.unknown(), b: built.unknown() })]),
    ] as unknown as Struct[]
    const seeds = [
      { a: 1, b: ['x'] },
      { a: 2, b: 'y' },
      { a: 1, b: [true], c: {} },
      ['x', 'y'],
      { a: 'x' },
      1,
      3,
      ['x', { a: 1 }],
      [['x', 'y']],
      [{ a: 1 }],
    ]
    for (let round = 0; round < 4_000; round++) {
      const struct = random.one(kinds)
      const value = random.chance(0.3) ? random.one(seeds) : mutated(random.one(seeds), random)
      const slow = Object.create(struct, { [quick]: { value: undefined } })
      for (const mask of [false, true]) same(told(struct, value, mask), told(slow, value, mask), value)
    }
  }))

test.run()
