import type { JetStream } from '../runtime/nats/jetstream'
import { kvStore } from './kv'

/** How far a durable had come, in which making of its stream, and of which subject; all of the stream's without one. */
export interface Floor {
  seq: number
  created: string
  filter?: string
}

/** What the runtime remembers of the broker, in a bucket of its own. */
export interface Marks {
  /** Notes that the stream was made; resolves with whether that was known. */
  made(stream: string): Promise<boolean>
  wasMade(stream: string): Promise<boolean>
  floor(stream: string, consumer: string): Promise<Floor | undefined>
  saveFloor(stream: string, consumer: string, floor: Floor): Promise<void>
}

export const marksBucket = { name: 'KV_runtime', subjects: ['$KV.runtime.>'], bucket: true }

export function openMarks(js: JetStream): Marks {
  const streams = kvStore<{ made: true }>(js, 'runtime')
  const floors = kvStore<Floor>(js, 'runtime')
  return {
    async made(stream) {
      let known = false
      await streams.update(`stream.${stream}`, (mark) => {
        known = mark !== undefined
        return mark ?? { made: true }
      })
      return known
    },
    wasMade: async (stream) => (await streams.get(`stream.${stream}`)) !== undefined,
    floor: (stream, consumer) => floors.get(`floor.${stream}.${consumer}`),
    async saveFloor(stream, consumer, floor) {
      const { seq, created, filter } = floor
      await floors.update(`floor.${stream}.${consumer}`, (known) =>
        known?.seq === seq && known.created === created && known.filter === filter ? known : floor,
      )
    },
  }
}
