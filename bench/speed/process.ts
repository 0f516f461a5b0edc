import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Process {
  pid: number
  /** Where its HTTP listens, if it does. */
  url: string
  end(): Promise<void>
}

/** A node process that says on a line of JSON when it runs. */
export async function start(args: string[], env: Record<string, string>): Promise<Process> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'info', HTTP_ADDR: '127.0.0.1:0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit').then(() => void process.off('exit', kill))
  const url = await new Promise<string>((resolve, reject) => {
    let listens = ''
    createInterface({ input: child.stdout }).on('line', (text) => {
      const { msg, url: told, level } = JSON.parse(text)
      if (told) listens = told
      if (level === 'error' || level === 'warn') console.error(text)
      if (msg === 'running') resolve(listens)
    })
    ended.then(() => reject(new Error(`${args.join(' ')} ended before it ran`)))
  })
  return {
    pid: child.pid as number,
    url,
    async end() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
