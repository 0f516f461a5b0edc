import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../connect/persist'
import { away, configuration, isAway, rejection } from '../runtime/errors'
import { consumerName, isDurable, type Manifest, streamOf } from '../runtime/manifest'
import type { JetStream } from '../runtime/nats/jetstream'
import { pullMs } from '../runtime/nats/pull'
import type { Marks } from '../stores/marks'
import { type ConsumerInfo, type ConsumerSpec, existing } from './consumers'

/** Saves how far the durable has come, for the day on which it is gone. */
export async function saveFloor(js: JetStream, { stream, name, filter }: ConsumerSpec, created: string, marks: Marks) {
  const { ack_floor } = await js.api<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`)
  if (ack_floor.stream_seq > 0) await marks.saveFloor(stream, name, { seq: ack_floor.stream_seq, created, filter })
}

/**
 * Resolves once no message is with an instance, or all that are have had the time to come again, and come first. What was
 * pulled before the link broke at `brokeAt` may be sent into it until that pull ends, so «none» is believed only then.
 */
export async function nonePending(js: JetStream, { stream, name, ackWaitMs }: ConsumerSpec, brokeAt = 0) {
  const deadline = Date.now() + pullMs + ackWaitMs
  while (Date.now() < deadline) {
    const found = existing<ConsumerInfo>(js, `CONSUMER.INFO.${stream}.${name}`)
    const pending = await found.then(
      (info) => info?.num_ack_pending ?? 0,
      () => undefined,
    )
    if (pending === 0 && Date.now() > brokeAt + pullMs) return
    await sleep(100)
  }
}

/** Waits until the durable of a function has handled all that its stream held at the call; an event has no durable. */
export async function settled(js: JetStream, manifest: Manifest, name: string, signal: AbortSignal): Promise<void> {
  const found = durableOf(manifest, name)
  if (!found) return
  const { stream, whole } = found
  // Asked for first: what a consumer tells of its own pending messages may lag behind what the stream has acked.
  const { state } = await js.api<{ state: { first_seq: number; last_seq: number } }>(`STREAM.INFO.${stream}`)
  for (let pause = 2; ; pause = Math.min(pause * 2, 100)) {
    const info = await js.api<ConsumerInfo>(`CONSUMER.INFO.${stream}.${consumerName(name)}`).catch((error) => {
      throw isAway(error) ? error : away('unavailable', `${name} has no durable: ${error.message}`)
    })
    const idle = info.num_pending === 0 && info.num_ack_pending === 0
    if (info.ack_floor.stream_seq >= state.last_seq) return
    // Where the newest have expired, nothing is left to deliver.
    const empty = state.first_seq > state.last_seq
    if (idle && (empty || !whole || info.delivered.stream_seq >= state.last_seq)) return
    await sleep(pause, undefined, { signal })
  }
}

/** Refuses (503) where the function has yet to handle a message that was stored more than so long ago. */
export async function notBehind(js: JetStream, manifest: Manifest, name: string, olderThanMs: number): Promise<void> {
  const found = durableOf(manifest, name)
  if (!found) return
  const { stream } = found
  const info = await existing<ConsumerInfo>(js, `CONSUMER.INFO.${stream}.${consumerName(name)}`)
  if (info?.num_pending === 0 && info.num_ack_pending === 0) return
  const { state } = await js.api<{ state: { first_seq: number; last_seq: number } }>(`STREAM.INFO.${stream}`)
  const seq = Math.max(state.first_seq, (info?.ack_floor.stream_seq ?? 0) + 1)
  if (seq > state.last_seq) return
  const time = await storedAt(js, stream, seq)
  if (time !== undefined && Date.now() - time > olderThanMs) {
    throw rejection(503, `Behind: what was stored at ${new Date(time).toISOString()} is still to be handled.`)
  }
}

/** Undefined where it has expired meanwhile. */
async function storedAt(js: JetStream, stream: string, seq: number): Promise<number | undefined> {
  try {
    const { message } = await js.api<{ message: { time: string } }>(`STREAM.MSG.GET.${stream}`, { seq })
    return Date.parse(message.time)
  } catch (error) {
    if (hasCode(error, 10037)) return undefined
    throw error
  }
}

/** Where the durable of a function is; undefined for one that has none. */
function durableOf(manifest: Manifest, name: string): { stream: string; whole: boolean } | undefined {
  const entry = manifest.functions.find((entry) => entry.name === name)
  if (!entry) throw configuration(`no function is named ${name}, so nothing can wait for it`)
  return isDurable(entry) ? streamOf(manifest, entry.subject as string) : undefined
}
