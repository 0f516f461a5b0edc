/** At most `size` at once; the others wait in order of arrival, at most `queue` of them. */
export interface Slots {
  /** Runs the work when a slot is free; false, at once, where the queue is full. */
  run(work: () => Promise<void>): boolean
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>
}

export function openSlots(size: number, queue: number): Slots {
  const waiting: (() => Promise<void>)[] = []
  const idlers: (() => void)[] = []
  let busy = 0

  const start = (work: () => Promise<void>) => {
    busy++
    work().then(end, (error) => {
      end()
      throw error
    })
  }

  const end = () => {
    busy--
    const next = waiting.shift()
    if (next) start(next)
    else if (busy === 0) for (const resolve of idlers.splice(0)) resolve()
  }

  const run = (work: () => Promise<void>): boolean => {
    if (busy < size) start(work)
    else if (waiting.length < queue) waiting.push(work)
    else return false
    return true
  }

  return {
    run,
    idle: () => (busy === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  }
}
