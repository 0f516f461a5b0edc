import { setTimeout as sleep } from 'node:timers/promises'
import { type RuntimeProcess, startRuntime } from '../parts/process'
import type { TestHost } from './host'
import type { BadLink } from './link'

/** A place where one service runs, in one process after another, each on the same bad link. */
export interface Slot {
  service: string
  link: BadLink
  host: TestHost
  /** Where its gateway listens now; empty while it is down. */
  url: string
  /** Ends the process and starts the next one; resolves once that runs. */
  restart(signal: NodeJS.Signals, downMs: number): Promise<void>
  /** Cuts it off for so long: its host from the network, or else its link. */
  partition(ms: number): Promise<void>
  end(): Promise<void>
  busy: boolean
  lines(): string[]
}

interface Options {
  link: BadLink
  host: TestHost
  manifest: string
  env: Record<string, string>
}

const startMs = 60_000

export async function openSlot(service: string, { link, host, manifest, env }: Options): Promise<Slot> {
  let one: RuntimeProcess
  const start = async () => {
    one = startRuntime({
      args: ['--only', service, '--manifest', manifest],
      env: { NATS_URL: link.url, HTTP_ADDR: `${host.there}:0`, AUTH: 'off', DRAIN_MS: '5000', ...env },
      prefix: host.prefix,
    })
    const late = sleep(startMs, 'late')
    const url = await Promise.race([one.running, late])
    if (url === 'late') throw new Error(`${service} did not start within ${startMs} ms`)
    slot.url = url
  }
  const slot: Slot = {
    service,
    link,
    host,
    url: '',
    busy: false,
    lines: () => one.lines,
    async restart(signal, downMs) {
      slot.busy = true
      slot.url = ''
      await one.end(signal)
      await sleep(downMs)
      // A start is a matter of luck on such a link; who watches a process starts it again.
      for (let tries = 1; ; tries++) {
        const started = await start().then(
          () => true,
          (error) => {
            if (tries === 5) throw error
            return false
          },
        )
        if (started) break
        await one.end('SIGKILL')
      }
      slot.busy = false
    },
    async partition(ms) {
      slot.busy = true
      await (host.off ?? link.partition)()
      await sleep(ms)
      await (host.on ?? link.mend)()
      slot.busy = false
    },
    end: async () => void (await one.end('SIGTERM')),
  }
  await start()
  return slot
}
