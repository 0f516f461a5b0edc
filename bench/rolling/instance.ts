import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** One process of a service. */
export interface Instance {
  service: string
  /** Where its gateway listens, if it has one. */
  url: string
  /** Resolves with what it ended with: `exit 0`, or the signal. */
  end(signal: NodeJS.Signals): Promise<string>
  /** Its last lines, for a report. */
  lines: string[]
}

const kept = 200

/** `node runtime --only <service>`, once it runs; `laters` counts what its functions put off, which burns no attempt. */
export async function startInstance(
  service: string,
  natsUrl: string,
  laters: Record<string, number>,
  manifest: string,
): Promise<Instance> {
  const child: ChildProcess = spawn(process.execPath, ['runtime', '--only', service, '--manifest', manifest], {
    env: {
      PATH: process.env.PATH,
      NATS_URL: natsUrl,
      HTTP_ADDR: '127.0.0.1:0',
      SHUTDOWN_DELAY_MS: '500',
      LOG_LEVEL: 'debug',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', kill)
    return signal ? String(signal) : `exit ${code}`
  })
  const lines: string[] = []
  let url = ''
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > kept) lines.shift()
      const { msg, url: listening, function: name = '', ending } = JSON.parse(line) as Record<string, string>
      if (msg === 'handled' && ending === 'later') laters[name] = (laters[name] ?? 0) + 1
      if (msg === 'HTTP listens') url = listening as string
      if (msg === 'running') resolve()
    })
    ended.then((how) => reject(new Error(`${service} did not start: ${how}`)))
  })
  return {
    service,
    url,
    lines,
    end(signal) {
      child.kill(signal)
      return ended
    },
  }
}
