import { type Member, Members } from '../connect/members'
import type { Run } from './run'

interface Watched extends Member {
  run: Run
  late(error: Error): void
}

const lookMs = 10

/** Runs under way, looked at together: a timer for each message would cost more than many a handler. */
const watched = new Members<Watched>()
let timer: NodeJS.Timeout | undefined

function look(): void {
  const now = performance.now()
  for (const one of watched.all()) {
    if (one.run.deadline > now || !watched.delete(one)) continue
    const error = new Error(`the handler did not end within ${one.run.timeoutMs} ms`)
    // First, so that a handler which ends on the abort has run over its time all the same.
    one.late(error)
    one.run.abort(error)
  }
  if (watched.size > 0) return
  clearInterval(timer)
  timer = undefined
}

/** The handler's value, or a promise of it that fails once its time is over; the abandoned handler sees `signal` abort. */
export function inTime<T>(run: Run, work: () => T | Promise<T>): T | Promise<T> {
  const value = work()
  if (!isPromise(value)) return value
  return new Promise((resolve, reject) => {
    const one: Watched = { run, late: reject, place: undefined }
    watched.add(one)
    timer ??= setInterval(look, lookMs)
    const end = () => void watched.delete(one)
    value.then(
      (made) => {
        end()
        resolve(made)
      },
      (error) => {
        end()
        reject(error)
      },
    )
  })
}

export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
