import type { Walked } from './explore'

/** The walks, one a line below their headings. */
export function table(walks: Walked[]): string {
  const rows = walks.map(({ scenario, states, transitions, idle, interleavings, depth }) => [
    scenario,
    ...[states, transitions, idle, interleavings, depth].map((number) => number.toLocaleString('en-US')),
  ])
  const all = [['scenario', 'states', 'transitions', 'changed nothing', 'interleavings', 'depth'], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length))) ?? []
  const line = (row: string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  return all.map(line).join('\n')
}
