import * as assert from 'uvu/assert'
import { checkAnswer } from './openapi'
import { eventually } from './wait'

export interface ServerSent {
  id: string
  event: string
  data: { seq: number; type: string; order_id: string }
}

export interface Following {
  /** All that has come so far. */
  events: ServerSent[]
  /** Resolves once so many events have come. */
  reach(count: number): Promise<void>
  /** Resolves when the gateway ended the stream; rejects where the connection broke. */
  ended: Promise<void>
  /** Goes away in the middle of it. */
  leave(): Promise<void>
}

/** Follows an order as an EventSource does. */
export async function followOrder(url: string, order: string, lastEventId?: string): Promise<Following> {
  const path = `/api/v1/orders/${order}/events`
  const life = new AbortController()
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }
  const response = await fetch(url + path, { headers, signal: life.signal })
  assert.is(response.status, 200)
  checkAnswer('GET', path, { status: response.status, headers: response.headers, text: '', body: null })
  const events: ServerSent[] = []
  const ended = read(response.body as AsyncIterable<Uint8Array>, events)
  ended.catch(() => undefined)
  return {
    events,
    ended,
    async reach(count) {
      await eventually(`${count} events of ${order}`, () => events.length >= count)
    },
    async leave() {
      life.abort()
      await ended.catch(() => undefined)
    },
  }
}

async function read(body: AsyncIterable<Uint8Array>, events: ServerSent[]): Promise<void> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    events.push(...blocks.filter((block) => !block.startsWith(':')).map(serverSent))
  }
  assert.is(text, '', 'the stream ends between two events')
}

function serverSent(block: string): ServerSent {
  const fields = block.split('\n').map((line) => {
    const [, name = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? []
    return [name, value] as const
  })
  assert.equal(fields.map(([name]) => name).toSorted(), ['data', 'event', 'id'])
  const { id = '', event = '', data = '' } = Object.fromEntries(fields)
  return { id, event, data: JSON.parse(data) }
}
