import type { FunctionEntry } from '../runtime/manifest'

/** One function a line: name, mode, subject, queue; `-` where there is none. */
export function list(functions: FunctionEntry[]): string {
  const rows = functions.map(({ name, mode, subject = '-', queue = '-' }) => [name, mode, subject, queue])
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)))
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n')
}
