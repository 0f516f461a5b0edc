import { startRuntime } from '../parts/process'

export interface Process {
  pid: number
  /** Where its HTTP listens, if it does. */
  url: string
  end(): Promise<unknown>
}

// PROFILE names a folder to which each process writes its CPU profile when it ends.
const profiling = process.env.PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`] : []

/** A node process, once it says on a line of JSON that it runs; what it warns of is passed on. */
export async function start([program = '', ...args]: string[], env: Record<string, string>): Promise<Process> {
  const { pid, running, end } = startRuntime({
    entry: [...profiling, program],
    args,
    env,
    onLine(line) {
      if (line.level === 'error' || line.level === 'warn') console.error(JSON.stringify(line))
    },
  })
  return { pid, url: await running, end: () => end('SIGTERM') }
}
