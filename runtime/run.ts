import { randomUUID } from 'node:crypto'
import type { Observed } from '../observe/observer'
import { nextTraceparent, traceId } from '../observe/trace'
import type { Emission } from './context'
import { Life } from './life'
import { type FunctionEntry, longestTimerMs } from './manifest'
import type { Cause } from './types'

interface Begun {
  /** Made where the message has none. */
  id?: string
  /** The id of what it follows from. */
  causeId?: string
}

/** One run of a handler: its deadline, its trace and what it has emitted so far. */
export class Run extends Life implements Observed {
  startedAt = Date.now()
  readonly emitted: Emission[] = []
  /** Told with all that it sends. */
  cause: Cause
  timeoutMs: number
  /** By the clock that nobody sets. */
  deadline: number
  /** The body as it came, once it is read. */
  raw: unknown
  #id: string | undefined
  #traceparent: string | undefined

  constructor(
    readonly entry: FunctionEntry,
    readonly subject: string,
    readonly parent?: string,
    readonly attempt = 1,
    { id, causeId }: Begun = {},
  ) {
    super()
    this.cause = { id: causeId, function: entry.name, attempt }
    this.timeoutMs = entry.policy.timeoutMs
    this.deadline = performance.now() + this.timeoutMs
    this.#id = id || undefined
  }

  get id(): string {
    this.#id ??= randomUUID()
    return this.#id
  }

  get traceparent(): string {
    this.#traceparent ??= nextTraceparent(this.parent)
    return this.#traceparent
  }

  get trace(): string {
    return traceId(this.traceparent)
  }

  limitTo(timeoutMs: number): void {
    this.timeoutMs = timeoutMs
    this.deadline = performance.now() + timeoutMs
  }

  /**
   * Milliseconds for what it asks for now: less than there is, so that silence is told as such before the handler's own
   * time is over and counts as its failure.
   */
  readonly left = (): number => {
    const rest = this.deadline - performance.now()
    return Math.min(longestTimerMs, Math.max(1, Math.floor(Math.min(rest * 0.9, Math.max(rest - 50, rest / 2)))))
  }

  /** What every log line about it tells: function, message id, attempt, trace, and what the manifest names of the body. */
  fields(logged: Record<string, string> = {}): object {
    const { entry, id, attempt, trace, raw } = this
    const fields: Record<string, unknown> = {
      function: entry.name,
      id,
      ...(entry.mode !== 'http' && { attempt }),
      trace,
    }
    for (const [name, field] of Object.entries(logged)) {
      const value = (raw as Record<string, unknown> | null | undefined)?.[field]
      if (typeof value === 'string' || typeof value === 'number') fields[name] = String(value).slice(0, 200)
    }
    return fields
  }
}
