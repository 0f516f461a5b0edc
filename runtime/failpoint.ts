declare const FAILPOINTS: boolean | undefined

type Hit = (name: string, when: 'before' | 'after') => void

// The crash explorer's own build has them; any other one is compiled without.
const built = typeof FAILPOINTS !== 'undefined' && FAILPOINTS === true
const hit: Hit = (name, when) =>
  (globalThis as Record<symbol, Hit | undefined>)[Symbol.for('deliveryflow.failpoint')]?.(name, when)

/** A step with a trace outside this process, named for what it does: the process may die before it and after it. */
export function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  return built ? stepped(name, work) : work()
}

async function stepped<T>(name: string, work: () => Promise<T>): Promise<T> {
  hit(name, 'before')
  const done = await work()
  hit(name, 'after')
  return done
}

/** As `step`, for what is sent without an answer. */
export function sending(name: string, send: () => void): void {
  if (built) hit(name, 'before')
  send()
  if (built) hit(name, 'after')
}
