import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

type Line = Record<string, unknown>

/** `node runtime` as a process of its own. */
export interface RuntimeProcess {
  pid: number
  /** Resolves once its functions run, with where its gateway listens, if it has one; rejects if it ends before that. */
  running: Promise<string>
  /** Resolves with what it ended with: `exit 0`, or the signal. */
  ended: Promise<string>
  alive(): boolean
  end(signal: NodeJS.Signals): Promise<string>
  /** Its last lines, for a report. */
  lines: string[]
}

interface Options {
  args: string[]
  env: Record<string, string>
  /** What node is told to run. */
  entry?: string[]
  /** What runs node, in place of this machine as it is. */
  prefix?: string[]
  onLine?(line: Line): void
}

const kept = 200

export function startRuntime({
  args,
  env,
  entry = ['runtime'],
  prefix = [],
  onLine = () => {},
}: Options): RuntimeProcess {
  const [command = '', ...words] = [...prefix, process.execPath, ...entry, ...args]
  const child: ChildProcess = spawn(command, words, {
    env: { PATH: process.env.PATH, HTTP_ADDR: '127.0.0.1:0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let alive = true
  const ended = once(child, 'exit').then(([code, signal]) => {
    alive = false
    process.off('exit', kill)
    return signal ? String(signal) : `exit ${code}`
  })
  const lines: string[] = []
  const running = new Promise<string>((resolve, reject) => {
    let url = ''
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
      lines.push(text)
      if (lines.length > kept) lines.shift()
      const line = JSON.parse(text) as Line
      onLine(line)
      // A peer of a benchmark tells both at once.
      if (line.msg === 'HTTP listens' || line.msg === 'running') url = String(line.url ?? url)
      if (line.msg === 'running') resolve(url)
    })
    ended.then((how) => reject(new Error(`node ${[...entry, ...args].join(' ')} did not start: ${how}`)))
  })
  running.catch(() => undefined)
  return {
    pid: child.pid as number,
    running,
    ended,
    lines,
    alive: () => alive,
    end(signal) {
      child.kill(signal)
      return ended
    },
  }
}
