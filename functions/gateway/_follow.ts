import { isAway } from '../../runtime/errors'
import { rpcTimeoutMs } from '../_environment'
import type { Event } from '../audit/_contract'
import type { Gateway } from './_gateway'

const finals = ['delivery_completed', 'order_cancelled']
// `gateway/live` wakes at most once, so what it missed is looked up after this long.
const lookAgainMs = 10_000
// A wake may overtake the stream's own copy of the event that it tells of.
const lookSoonMs = 250
const lookAwayMs = 1_000

/** Server-sent events: what has happened, then each event as it happens, up to a final status. */
export async function follow(
  order_id: string,
  lastSeq: number,
  gone: AbortSignal,
  gateway: Gateway,
): Promise<Response> {
  const wake = waker(order_id, gone, gateway)
  let events: Event[]
  try {
    events = await history(order_id, gateway)
  } catch (error) {
    wake.end()
    throw error
  }
  const stream = new ReadableStream({
    start(controller) {
      tell(controller).catch((error) => {
        if (!gone.aborted) gateway.log.warn({ err: error, order: order_id }, 'a follower was let go')
        wake.end()
        closeQuietly(controller)
      })
    },
    cancel: () => wake.end(),
  })
  return new Response(stream, { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' } })

  async function tell(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    let woken = false
    let away = false
    for (;;) {
      const fresh = events.filter(({ seq }) => seq > lastSeq)
      for (const event of fresh) {
        controller.enqueue(Buffer.from(`event: ${event.type}\nid: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`))
        lastSeq = event.seq
      }
      if (gone.aborted || events.some(({ type }) => finals.includes(type))) break
      // A crowd that found audit away or busy does not come back as one.
      const restMs = away ? lookAwayMs * (1 + Math.random()) : lookAgainMs
      woken = await wake.next(woken && fresh.length === 0 ? lookSoonMs : restMs)
      if (!woken) controller.enqueue(Buffer.from(': still here\n\n'))
      if (gone.aborted) break
      away = false
      events = await history(order_id, gateway).catch((error) => {
        if (!isAway(error)) throw error
        away = true
        return events
      })
    }
    wake.end()
    closeQuietly(controller)
  }
}

async function history(order_id: string, { request }: Gateway): Promise<Event[]> {
  return (await request('rpc.get_order_history', { order_id }, { timeoutMs: rpcTimeoutMs() })).body.events
}

/** Notes every wake from now on, so that none between two looks is missed. */
function waker(order_id: string, gone: AbortSignal, { local }: Gateway) {
  let woken = false
  let resume: ((woken: boolean) => void) | undefined
  const wake = () => {
    woken = true
    resume?.(true)
  }
  local.on(order_id, wake)
  gone.addEventListener('abort', wake, { once: true })
  return {
    /** True when woken, false when it only took too long. */
    async next(limitMs: number): Promise<boolean> {
      if (!woken && !gone.aborted) {
        let timer: NodeJS.Timeout | undefined
        await new Promise<boolean>((resolve) => {
          resume = resolve
          timer = setTimeout(() => resolve(false), limitMs)
        })
        clearTimeout(timer)
      }
      const was = woken
      woken = false
      return was
    },
    end: () => void local.off(order_id, wake),
  }
}

function closeQuietly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close()
  } catch {
    // The client was first.
  }
}
