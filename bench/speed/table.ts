import type { Result } from './figure'

/** One figure as it is told. */
export interface Line {
  what: string
  value: string
  /** What is to be reached, and whether it was. */
  bar?: string
  met?: boolean
  /** The medians and the spread behind it. */
  detail?: string
}

/** A line for each peer: the ratio of the medians, and what each of both did, with its least and its most. */
export function lineOf({ figure, unit, medians, rounds, ratios, toReach }: Result): Line[] {
  const [first = ''] = Object.keys(medians)
  const spread = (name: string) => {
    const all = rounds[name] ?? []
    return `${name} ${digits(medians[name] ?? 0)} (${digits(Math.min(...all))}–${digits(Math.max(...all))})`
  }
  return Object.entries(ratios).map(([name, ratio]) => {
    const bar = toReach[name]
    return {
      what: `${figure}, over ${name}`,
      value: `${ratio.toFixed(2)}×`,
      ...(bar !== undefined && { bar: `≥ ${bar}×`, met: ratio >= bar }),
      detail: `${spread(first)}; ${spread(name)} ${unit}`,
    }
  })
}

const digits = (value: number): string => (value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en'))

export const table = (lines: Line[]): string =>
  [
    '| figure | measured | to reach | |',
    '|---|---|---|---|',
    ...lines.map(
      ({ what, value, bar = '', met, detail = '' }) =>
        `| ${what} | ${value} | ${bar}${bar && !met ? ' **not met**' : ''} | ${detail} |`,
    ),
  ].join('\n')
