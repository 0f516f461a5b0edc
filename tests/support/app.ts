import { execa } from 'execa'
import type { Broker } from './broker'
import { atEnd } from './suite'
import { eventually } from './wait'

export interface App {
  /** Where HTTP listens; empty for a process without the gateway. */
  url: string
  pid: number
  /** The log so far, one object a line. */
  log(): Record<string, unknown>[]
  /** What it wrote to stderr. */
  said(): string
  /** Sends the signal and resolves with the exit code; undefined for a process that a signal ended. */
  end(signal?: NodeJS.Signals): Promise<number | undefined>
}

interface AppOptions {
  args?: string[]
  env?: Record<string, string>
}

/** `node runtime` as its own process, once it runs; ended with the test file. */
export async function startApp(
  broker: Pick<Broker, 'url'> | undefined,
  { args = [], env = {} }: AppOptions = {},
): Promise<App> {
  const child = execa('node', ['runtime', ...args], {
    reject: false,
    buffer: false,
    extendEnv: false,
    env: { PATH: process.env.PATH, HTTP_ADDR: '127.0.0.1:0', ...(broker && { NATS_URL: broker.url }), ...env },
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  let ended: { exitCode?: number } | undefined
  child.then((result) => {
    ended = result
  })
  const log = () =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return (await child).exitCode
  }
  atEnd(async () => {
    if (!ended) await end('SIGKILL')
  })
  process.once('exit', () => child.kill('SIGKILL'))

  await eventually('the runtime to say that it runs', () => {
    if (ended) throw new Error(`node runtime ended with ${ended.exitCode}: ${errors || output}`)
    return log().some(({ msg }) => msg === 'running')
  })
  const url = String(log().find(({ msg }) => msg === 'HTTP listens')?.url ?? '')
  return { url, pid: child.pid as number, log, said: () => errors, end }
}
