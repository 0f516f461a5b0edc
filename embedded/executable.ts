import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where the search takes place; a test brings its own. */
export interface Machine {
  cacheDir: string
  log: (line: string) => void
  env: NodeJS.ProcessEnv
  platform: string
  arch: string
  systemFolders?: string[]
  releaseUrl?: string
  /** By Node's names of platform and architecture: the asset's suffix and its SHA-256. */
  releases?: Record<string, [asset: string, sha256: string]>
  /** How long a download may bring no byte. */
  stallMs?: number
}

export interface Executable {
  path: string
  version: string
}

/** Runs a program in the folder that is being built in; rejects after so many seconds. */
type Run = (command: string, args: string[], seconds: number, env?: NodeJS.ProcessEnv) => Promise<string>

const oldest = '2.9.10'

/** The first of these files that runs and is new enough. */
export async function firstUsable(paths: string[]): Promise<Executable> {
  const reasons: string[] = []
  for (const path of paths.filter((each) => existsSync(each))) {
    try {
      return await usable(path)
    } catch (error) {
      reasons.push((error as Error).message)
    }
  }
  throw new Error(reasons.join('; ') || 'none there')
}

/** Built in a folder of its own and then renamed: two runs at once, or a kill, leave no half-written binary. */
export async function keep(
  machine: Machine,
  build: (folder: string, run: Run) => Promise<string>,
): Promise<Executable> {
  await mkdir(machine.cacheDir, { recursive: true })
  const cwd = await mkdtemp(join(machine.cacheDir, 'unfinished-'))
  try {
    const built = await build(cwd, (command, args, seconds, env) =>
      output(command, args, seconds, { cwd, env: { ...machine.env, ...env } }),
    )
    await usable(built)
    // Windows replaces no program that runs; then another run has already put this one there.
    await rename(built, cached(machine)).catch(() => undefined)
    return await usable(cached(machine))
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}

/** Named for the machine, since a project folder may be mounted into another one. */
export function cached(machine: Machine): string {
  return program(machine.cacheDir, machine, `nats-server-${machine.platform}-${machine.arch}`)
}

export function program(folder: string, { platform }: Machine, name = 'nats-server'): string {
  return join(folder, platform === 'win32' ? `${name}.exe` : name)
}

async function usable(path: string): Promise<Executable> {
  const version = /v(\d+\.\d+\.\d+\S*)/.exec(await output(path, ['-v'], 5))?.[1]
  if (!version) throw new Error(`${path} tells no version`)
  const old = version.localeCompare(oldest, 'en', { numeric: true }) < 0
  if (old) throw new Error(`${path} is ${version}, too old: ${oldest} is the oldest that will do`)
  return { path, version }
}

/** What the program wrote to stdout; rejects with one line. */
export async function output(command: string, args: string[], seconds: number, place = {}): Promise<string> {
  try {
    const limits = { timeout: seconds * 1_000, killSignal: 'SIGKILL' } as const
    return (await promisify(execFile)(command, args, { ...place, ...limits })).stdout
  } catch (error) {
    const { code, killed, stderr } = error as { code?: string | number; killed?: boolean; stderr?: string }
    if (killed) throw new Error(`${command} took longer than ${seconds} s`)
    if (typeof code === 'string') throw new Error(`${command} cannot be run (${code})`)
    throw new Error(`${command}: ${stderr?.trim().split('\n').at(-1) || `exit code ${code}`}`)
  }
}
