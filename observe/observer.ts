import type { FunctionEntry } from '../runtime/manifest'

/** One run of a handler, as those who watch see it. */
export interface Observed {
  entry: FunctionEntry
  /** What it handled: a subject, or method and path. */
  subject: string
  id: string
  /** 1 on the first delivery. */
  attempt: number
  /** Milliseconds since 1970. */
  startedAt: number
  /** The W3C trace context of this run: its span is the parent of all that the run sends. */
  traceparent: string
  /** The trace context that came with the message, if one did. */
  parent?: string | undefined
}

export type Ending = 'returned' | 'refused' | 'failed' | 'away' | 'later'

/** Hears of every run in the process; it must neither throw nor take long. */
export interface Observer {
  began?(run: Observed): void
  /** `ms` from the beginning to the settled outcome's decision, waiting included; `error` unless it returned. */
  ended?(run: Observed, ending: Ending, ms: number, error?: Error): void
  deadLettered?(entry: FunctionEntry): void
  /** A message came that had been delivered before. */
  redelivered?(entry: FunctionEntry): void
}
