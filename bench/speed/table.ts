import { median, type Result } from './figure'

/** One figure of one run. */
export interface Line {
  what: string
  value: number
  /** Behind the number; a ratio has ×. */
  unit?: string
  /** What is to be reached: `least` or `most`. */
  least?: number
  most?: number
  /** The medians and the spread behind it. */
  detail?: string
}

/** One figure over several runs: their median, and each. */
export interface Told extends Line {
  runs: number[]
  /** Undefined where nothing is to be reached. */
  met?: boolean
}

/** A line for each peer: the ratio of the medians, and what each of both did, with its least and its most. */
export function lineOf({ figure, unit, medians, rounds, ratios, toReach }: Result): Line[] {
  const [first = ''] = Object.keys(medians)
  const spread = (name: string) => {
    const all = rounds[name] ?? []
    return `${name} ${digits(medians[name] ?? 0)} (${digits(Math.min(...all))}–${digits(Math.max(...all))})`
  }
  return Object.entries(ratios).map(([name, value]) => ({
    what: `${figure}, over ${name}`,
    value,
    unit: '×',
    least: toReach[name],
    detail: `${spread(first)}; ${spread(name)} ${unit}`,
  }))
}

/** What several runs measured alike as one, with the detail of the last. */
export function overRuns(runs: Line[][]): Told[] {
  const [last = []] = runs.slice(-1)
  return last.map((line) => {
    const all = runs.flatMap((lines) => lines.filter(({ what }) => what === line.what).map(({ value }) => value))
    const value = median(all)
    const { least, most } = line
    const met =
      least === undefined && most === undefined ? undefined : value >= (least ?? value) && value <= (most ?? value)
    return { ...line, value, runs: all, ...(met !== undefined && { met }) }
  })
}

/** Value, spread over the runs where there are several, and what was to be reached. */
export function shown({ value, unit = '', runs, least, most, met }: Told): { value: string; bar: string } {
  const spread = runs.length > 1 ? ` (${digits(Math.min(...runs))}–${digits(Math.max(...runs))})` : ''
  const bar = least === undefined ? (most === undefined ? '' : `≤ ${most}${unit}`) : `≥ ${least}${unit}`
  return { value: `${digits(value)}${unit}${spread}`, bar: `${bar}${met === false ? ' **not met**' : ''}` }
}

function digits(value: number): string {
  if (value < 10) return value.toFixed(2)
  return value < 100 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString('en')
}

export const table = (lines: Told[]): string =>
  [
    '| figure | measured | to reach | |',
    '|---|---|---|---|',
    ...lines.map((line) => `| ${line.what} | ${shown(line).value} | ${shown(line).bar} | ${line.detail ?? ''} |`),
  ].join('\n')
