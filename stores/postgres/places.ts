import { away } from '../../runtime/errors'

/** So many statements at once; who has waited too long for a place, or for an answer, hears so. */
export function openPlaces(free: number) {
  const waiting: (() => void)[] = []
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }

  return {
    /** Holds its place until the work has ended, whoever still waits for it, so that none heap up in an outage. */
    take<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const begin = () => {
          work()
            .then(resolve, reject)
            .finally(() => clearTimeout(timer))
            .finally(leave)
        }
        const timer = setTimeout(() => {
          const place = waiting.indexOf(begin)
          if (place >= 0) waiting.splice(place, 1)
          reject(away('timeout', 'PostgreSQL did not answer in time'))
        }, timeoutMs)
        if (free > 0) {
          free--
          begin()
        } else waiting.push(begin)
      })
    },
  }
}
