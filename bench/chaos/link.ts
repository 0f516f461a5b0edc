import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Random } from '../../tests/support/random'
import { type Frame, framer } from './frames'

/** A link to the broker on which messages come twice, late, or not at all. */
export interface BadLink {
  url: string
  /** Nothing passes, and nobody is told, until it is mended. */
  partition(): void
  mend(): void
  stop(): void
}

export interface Disturbed {
  duplicated: number
  delayed: number
}

interface Options {
  port: number
  /** The address on which it listens. */
  here: string
  random: Random
  /** The share of the messages that come twice, and that come late. */
  duplicates: number
  delays: number
  disturbed: Disturbed
}

const longestDelayMs = 300

/** One to each server, as one. */
export async function startBadLinks(ports: number[], options: Omit<Options, 'port'>): Promise<BadLink> {
  const links = await Promise.all(ports.map((port) => startBadLink({ ...options, port })))
  return {
    url: links.map(({ url }) => url).join(),
    partition: () => links.forEach((link) => void link.partition()),
    mend: () => links.forEach((link) => void link.mend()),
    stop: () => links.forEach((link) => void link.stop()),
  }
}

/**
 * What a client publishes may overtake what it published before; what the broker delivers comes twice at once, or waits
 * with all that follows it, since a link keeps its order.
 */
export async function startBadLink({ port, here, random, duplicates, delays, disturbed }: Options): Promise<BadLink> {
  const sockets = new Set<Socket>()
  let partitioned = false
  const held: (() => void)[] = []

  /** Sends the frame, and returns how late. */
  const disturb = (to: Socket, frame: Frame): number => {
    const twice = frame.isMessage && !frame.isPull && random.chance(duplicates)
    const late = frame.isMessage && random.chance(delays) ? random.whole(1, longestDelayMs) : 0
    const write = () => {
      if (to.destroyed) return
      to.write(frame.bytes)
      if (twice) to.write(frame.bytes)
    }
    if (twice) disturbed.duplicated++
    if (late > 0) {
      disturbed.delayed++
      setTimeout(write, late)
    } else write()
    return late
  }

  /** Hands on command by command; where order is kept, all waits for the one that is late. */
  const pass = (from: Socket, to: Socket, inOrder: boolean) => {
    const split = framer()
    const queue: Frame[] = []
    let waiting = false
    const drain = () => {
      waiting = false
      while (queue.length > 0 && !waiting) {
        if (partitioned) {
          waiting = true
          held.push(drain)
          return
        }
        const late = disturb(to, queue.shift() as Frame)
        if (late > 0 && inOrder) {
          waiting = true
          setTimeout(drain, late + 1)
        }
      }
    }
    from.on('data', (chunk) => {
      queue.push(...split(chunk))
      if (!waiting) drain()
    })
  }

  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    const cut = () => {
      for (const socket of [client, upstream]) {
        socket.destroy()
        sockets.delete(socket)
      }
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay(true))
      socket.once('error', cut).once('close', cut)
    }
    pass(client, upstream, false)
    pass(upstream, client, true)
  }).listen(0, here)
  await once(server, 'listening')

  return {
    url: `nats://${here}:${(server.address() as AddressInfo).port}`,
    partition() {
      partitioned = true
    },
    mend() {
      partitioned = false
      for (const resume of held.splice(0)) resume()
    },
    stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
