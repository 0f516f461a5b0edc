/** What a field takes and what it refuses; a wrong value comes with the pointer, from the field on, of what is at fault. */
export interface Kind {
  right: readonly unknown[]
  wrong: readonly (readonly [pointer: string, value: unknown])[]
}

const emoji = '😀'
const here = (values: unknown[]) => values.map((value) => ['', value] as const)

const kind = (right: unknown[], wrong: unknown[]): Kind => ({ right, wrong: here(wrong) })

/** A string of 1 to `most` characters, each of which may be two UTF-16 units. */
export const text = (most: number): Kind =>
  kind(
    ['as one says', 'x', ' ', 'x'.repeat(most), emoji.repeat(most), '\u0000', 'e\u0301', '\ud800'],
    ['', 'x'.repeat(most + 1), emoji.repeat(most + 1), `${emoji.repeat(most)}x`, 5, true, {}, ['x']],
  )

export const anyText: Kind = kind(['x', '', 'x'.repeat(5_000)], [5, false, {}, ['x']])

export const whole = (least: number, most = Number.MAX_SAFE_INTEGER): Kind =>
  kind(
    [least + 1, least, most],
    [least - 1, least + 0.5, String(least), true, [least], {}, Infinity, ...(most < 2 ** 53 - 1 ? [most + 1] : [])],
  )

export const anyWhole: Kind = kind([1, 0, -5], [0.5, '1', true, {}])

export const one = (...of: string[]): Kind =>
  kind(of, ['', 'nothing', ` ${of[0]}`, of[0]?.toUpperCase(), 0, [of[0]], {}, 'toString', '__proto__'])

export const flag: Kind = kind([true, false], [0, 1, 'true', '', {}])

export const orderId: Kind = kind(
  ['ABCDEFGHJKMNPQRSTVWXYZ0123', '0'.repeat(26), 'Z9'.repeat(13)],
  [
    '',
    'A'.repeat(25),
    'A'.repeat(27),
    'abcdefghjkmnpqrstvwxyz0123',
    ...['I', 'L', 'O', 'U', '-', ' ', '.', 'Ä', '\n'].map((letter) => 'A'.repeat(25) + letter),
    `${'A'.repeat(26)}\n`,
    26,
    {},
  ],
)

export const user: Kind = text(128)

export const sku: Kind = kind(
  ['moka-pot', 'a', '0', 'A_-', 'x'.repeat(64)],
  ['', 'x'.repeat(65), '-a', '_a', 'a b', 'a.b', 'a/b', 'ä', 'a\n', '*', 5, {}],
)

/** UTC, ISO 8601 with milliseconds, on a day that there is. */
export const time: Kind = kind(
  ['2026-01-30T12:00:00.000Z', '1999-12-31T23:59:59.999Z', '2024-02-29T00:00:00.000Z'],
  [
    '',
    '2026-01-30',
    '2026-01-30T12:00:00Z',
    '2026-01-30T12:00:00.000',
    '2026-01-30T12:00:00.000+00:00',
    '2026-01-30 12:00:00.000Z',
    '2026-01-30t12:00:00.000z',
    '2026-01-30T12:00:00.000Z\n',
    '2026-13-01T00:00:00.000Z',
    '2026-02-30T00:00:00.000Z',
    '2025-02-29T00:00:00.000Z',
    '2026-01-30T24:00:00.000Z',
    '2026-01-30T12:60:00.000Z',
    1_769_774_400_000,
    {},
  ],
)

export const currency: Kind = kind(['USD', 'EUR'], ['', 'usd', 'US', 'USDT', 'U5D', 'USD\n', 840])

const most = 100
const many = (count: number, line: object) =>
  Array.from({ length: count }, (_, index) => ({ sku: `s-${index}`, ...line }))

/** The lines of an order: 1 to 100, each with a quantity of 1 to `mostPieces` and, where it is told, its price. */
export function lines({
  mostPieces,
  priced = false,
  merged = true,
}: {
  mostPieces: number
  priced?: boolean
  merged?: boolean
}): Kind {
  const line = { qty: 2, ...(priced && { unit_price: 1_890 }) }
  const twice = [
    { sku: 'a', ...line },
    { sku: 'a', ...line },
  ]
  const fields: Record<string, Kind> = { sku, qty: whole(1, mostPieces), ...(priced && { unit_price: price }) }
  const of = Object.entries(fields)
  const required = Object.keys(fields).map(
    (field) => [`/1/${field}`, [{ sku: 'b', ...line }, without({ sku: 'a', ...line }, field)]] as const,
  )
  return {
    right: [
      [{ sku: 'moka-pot', ...line }],
      many(most, line),
      ...of.flatMap(([field, { right }]) => right.map((value) => [{ sku: 'a', ...line, [field]: value }])),
      ...(merged ? [] : [twice]),
    ],
    wrong: [
      ...here(['', 'moka-pot', {}, { 0: { sku: 'a', ...line }, length: 1 }, [], many(most + 1, line)]),
      ...['a', 5, null, ['a', 2]].map((value) => ['/0', [value, { ...line, sku: '' }]] as const),
      ...of.flatMap(([field, { wrong }]) =>
        wrong.map(([, value]) => [`/0/${field}`, [{ sku: 'a', ...line, [field]: value }]] as const),
      ),
      ...required,
      ...(merged ? [['', twice] as const] : []),
    ],
  }
}

export const price: Kind = whole(0, 100_000_000)

export function without(body: object, field: string): object {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== field))
}
