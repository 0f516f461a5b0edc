import type { Data, SentHeaders } from '../envelope'
import { away } from '../errors'
import type { Arrived, Connection } from './connection'

interface Waiting {
  token: string
  subject: string
  deadline: number
  resolve(arrived: Arrived): void
  reject(error: Error): void
}

export type Ask = (
  subject: string,
  data: Data,
  options: { timeoutMs: number; headers?: SentHeaders },
) => Promise<Arrived>

const sweepMs = 20

/**
 * One inbox under every request, acked publish and stored value. It is our own since the client's costs half of what
 * the broker can do and dies of a malformed header. Rejects with `away`: no responders, time over, or the link broke.
 */
export function openMux(connection: Connection): Ask {
  // In places that are used again, for the reason that members.ts tells; what comes late to one finds another token there.
  const waiting: (Waiting | undefined)[] = []
  const free: number[] = []
  let count = 0
  let sweeper: NodeJS.Timeout | undefined

  const take = (place: number) => {
    waiting[place] = undefined
    free.push(place)
  }

  connection.subscribe(`${connection.inbox}.*`, (arrived) => {
    const token = arrived.subject.slice(connection.inbox.length + 1)
    const place = Number.parseInt(token, 10)
    const asked = waiting[place]
    if (asked?.token !== token) return
    take(place)
    if (arrived.data.length === 0 && arrived.status() === 503) {
      asked.reject(away('no-responders', `nobody answers on ${asked.subject}`))
    } else asked.resolve(arrived)
  })

  /** Those of which it tells why. */
  const end = (why: (asked: Waiting) => Error | undefined) => {
    for (let place = 0; place < waiting.length; place++) {
      const asked = waiting[place]
      const error = asked && why(asked)
      if (!error) continue
      take(place)
      asked.reject(error)
    }
  }

  connection.onStatus((status) => {
    if (status !== 'disconnected') return
    end(({ subject }) => away('disconnected', `the connection broke while waiting for ${subject}`))
  })

  connection.onDenied((denied) => {
    end(({ subject }) => (subject === denied ? away('denied', `this user may not publish to ${subject}`) : undefined))
  })

  const sweep = () => {
    const now = Date.now()
    end(({ subject, deadline }) => (deadline <= now ? away('timeout', `no answer from ${subject} in time`) : undefined))
    if (free.length < waiting.length) return
    waiting.length = free.length = 0
    clearInterval(sweeper)
    sweeper = undefined
  }

  return (subject, data, { timeoutMs, headers }) =>
    new Promise((resolve, reject) => {
      if (!connection.connected()) {
        reject(away('disconnected', `not connected to NATS, so ${subject} was not sent`))
        return
      }
      const place = free.at(-1) ?? waiting.length
      const token = `${place}-${++count}`
      connection.publish(subject, data, { reply: `${connection.inbox}.${token}`, headers })
      free.pop()
      waiting[place] = { token, subject, deadline: Date.now() + timeoutMs, resolve, reject }
      sweeper ??= setInterval(sweep, sweepMs)
    })
}
