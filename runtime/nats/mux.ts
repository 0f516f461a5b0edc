import type { Data, SentHeaders } from '../envelope'
import { away } from '../errors'
import type { Arrived, Connection } from './connection'

interface Waiting {
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
  const waiting = new Map<string, Waiting>()
  let count = 0
  let sweeper: NodeJS.Timeout | undefined

  connection.subscribe(`${connection.inbox}.*`, (arrived) => {
    const token = arrived.subject.slice(connection.inbox.length + 1)
    const asked = waiting.get(token)
    if (!asked) return
    waiting.delete(token)
    if (arrived.data.length === 0 && arrived.status() === 503) {
      asked.reject(away('no-responders', `nobody answers on ${asked.subject}`))
    } else asked.resolve(arrived)
  })

  connection.onStatus((status) => {
    if (status !== 'disconnected') return
    for (const [token, asked] of waiting) {
      waiting.delete(token)
      asked.reject(away('disconnected', `the connection broke while waiting for ${asked.subject}`))
    }
  })

  connection.onDenied((subject) => {
    for (const [token, asked] of waiting) {
      if (asked.subject !== subject) continue
      waiting.delete(token)
      asked.reject(away('denied', `this user may not publish to ${subject}`))
    }
  })

  const sweep = () => {
    const now = Date.now()
    for (const [token, asked] of waiting) {
      if (asked.deadline > now) continue
      waiting.delete(token)
      asked.reject(away('timeout', `no answer from ${asked.subject} in time`))
    }
    if (waiting.size === 0) {
      clearInterval(sweeper)
      sweeper = undefined
    }
  }

  return (subject, data, { timeoutMs, headers }) =>
    new Promise((resolve, reject) => {
      if (!connection.connected()) {
        reject(away('disconnected', `not connected to NATS, so ${subject} was not sent`))
        return
      }
      const token = (++count).toString(36)
      connection.publish(subject, data, { reply: `${connection.inbox}.${token}`, headers })
      waiting.set(token, { subject, deadline: Date.now() + timeoutMs, resolve, reject })
      sweeper ??= setInterval(sweep, sweepMs)
    })
}
