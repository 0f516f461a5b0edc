/** One contender of a figure: a name, and a round of it that tells how much it did a second. */
export interface Contender {
  name: string
  /** Higher is better. */
  round(): Promise<number>
}

export interface Figure {
  name: string
  unit: string
  contenders: Contender[]
  /** Of the first over each of the others. */
  toReach?: Record<string, number>
  end(): Promise<void>
}

export interface Result {
  figure: string
  unit: string
  medians: Record<string, number>
  rounds: Record<string, number[]>
  /** The first contender's median over each other's. */
  ratios: Record<string, number>
  toReach: Record<string, number>
}

/** A B A B: what drifts on the machine drifts for all of them. */
export async function measure(figure: Figure, rounds: number): Promise<Result> {
  const { name, unit, contenders, toReach = {} } = figure
  const measured: Record<string, number[]> = {}
  for (let round = 0; round < rounds; round++) {
    for (const { name, round: run } of contenders) measured[name] = [...(measured[name] ?? []), await run()]
  }
  const medians = Object.fromEntries(Object.entries(measured).map(([who, values]) => [who, median(values)]))
  const [first = ''] = Object.keys(medians)
  const others = Object.keys(medians).slice(1)
  const ratios = Object.fromEntries(others.map((who) => [who, (medians[first] as number) / (medians[who] as number)]))
  return { figure: name, unit, medians, rounds: measured, ratios, toReach }
}

export function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
