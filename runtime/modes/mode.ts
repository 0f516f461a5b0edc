import type { Marks } from '../../stores/marks'
import type { Tries } from '../../stores/tries'
import type { Ports } from '../context'
import type { Incoming, Returned } from '../invoke'
import type { Manifest } from '../manifest'
import type { Arrived, Connection } from '../nats/connection'
import type { JetStream } from '../nats/jetstream'
import type { Log } from '../types'

/** What a mode needs to subscribe and to settle. */
export interface Broker {
  connection: Connection
  js: JetStream
  marks: Marks
  manifest: Manifest
  ports: Ports
  log: Log
  drainMs: number
  tries: Tries
  /** Create nothing on the broker. */
  bindOnly: boolean
  /** NATS answers, its streams are there, and the process has not been told to stop. */
  ready(): Promise<boolean>
  metrics(): Promise<{ contentType: string; text: string }>
}

export interface Running {
  /** Ends the intake, then resolves once every handler under way has ended and been settled. */
  stop(): Promise<void>
}

/** As it came; from a stream, with its place there. */
export const asIncoming = (arrived: Arrived, stored?: { attempt: number; seq: number }, stream = ''): Incoming => ({
  subject: arrived.subject,
  data: arrived.data,
  headers: () => arrived.headers(),
  attempt: stored?.attempt ?? 1,
  seq: stored?.seq,
  arrivedAt: Date.now(),
  fallbackId: stored && `${stream}:${stored.seq}`,
})

/** Durable where a stream carries it, when it resolves. */
export function sendAll({ send }: Ports, { emitted }: Returned, leftMs?: number): Promise<unknown> | undefined {
  const [only] = emitted
  if (!only) return undefined
  return emitted.length === 1 ? send(only, leftMs) : Promise.all(emitted.map((emission) => send(emission, leftMs)))
}
