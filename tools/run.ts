import { resolve } from 'node:path'
import { readSettings } from '../connect/settings'
import type { EmbeddedServer } from '../embedded/server'
import { openLog } from '../observe/log'
import { type Host, startHost } from '../runtime/host'
import type { LoadedFunction } from '../runtime/invoke'
import type { FunctionEntry, Manifest } from '../runtime/manifest'
import type { Contracts } from '../runtime/types'
import { loadContracts, loadFunction } from './load'

interface RunOptions {
  manifest: Manifest
  /** The folder that the manifest's paths start from. */
  root: string
  /** The project's folder. */
  home: string
  selected: FunctionEntry[]
  embedded: boolean
  /** Called once the functions run. */
  onRun?(host: Host, loaded: { contracts: Contracts; functions: LoadedFunction[] }): void
  bindOnly: boolean
  env: NodeJS.ProcessEnv
}

const sameSignalMs = 200

/** Runs until a signal: exit code 0 once work under way is done, at most `DRAIN_MS`; 1 where NATS is gone for good. */
export async function run({
  manifest,
  root,
  home,
  selected,
  embedded,
  bindOnly,
  onRun,
  env,
}: RunOptions): Promise<void> {
  const settings = readSettings(env)
  const log = openLog(settings.logLevel)
  const stopped = stopSignal()
  // A promise that a function forgot is its own affair and ends no other function.
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a rejection that nobody handled'))
  let searching = embedded
  stopped.then(() => searching && process.exit())
  const server = embedded ? await serverFor(env, root, home) : undefined
  searching = false
  let connected = false
  try {
    const contracts = await loadContracts(manifest, root)
    const functions = await Promise.all(selected.map((entry) => loadFunction(entry, root)))
    const starting = startHost({
      manifest,
      contracts,
      functions,
      settings,
      log,
      env: server ? { ...env, NATS_URL: server.url } : env,
      strict: server?.stranger ?? false,
      bindOnly,
      onConnect: () => {
        connected = true
      },
    })
    // A signal ends a process that still waits for NATS; one that has begun to run functions stops them first.
    const host = await Promise.race([starting, stopped.then(() => (connected ? starting : undefined))])
    if (embedded && host?.url) greet(host.url, selected)
    if (host) onRun?.(host, { contracts, functions })
    const cause = await Promise.race([stopped, gone(server?.own), ...(host ? [host.failed] : [])])
    if (cause instanceof Error) {
      log.error({ err: cause }, 'stopping')
      process.exitCode = 1
    } else log.info({ signal: cause }, 'stopping')
    if (host && !(await host.stop())) {
      log.error({ drainMs: settings.drainMs }, 'work was still under way after DRAIN_MS; it comes again')
    }
  } finally {
    await server?.own?.stop()
  }
  log.info({}, 'stopped')
  process.exit()
}

/** Loaded on demand: a process that is told its server needs none of it. */
async function serverFor(env: NodeJS.ProcessEnv, root: string, home: string) {
  const { findServer } = await import('../embedded/embedded')
  return findServer(env, {
    root,
    cacheDir: resolve(home, '.cache'),
    say: (line) => process.stderr.write(`${line}\n`),
  })
}

/** Resolves if the server of our own is gone for good. */
async function gone(own: EmbeddedServer | undefined): Promise<Error> {
  return (await own?.exited) ?? new Promise<never>(() => {})
}

/** Resolves with the first SIGTERM or SIGINT; the next one, unless it is the same Ctrl-C passed on by npm, exits at once. */
function stopSignal(): Promise<string> {
  let first = 0
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (first === 0) first = Date.now()
        else if (Date.now() - first > sameSignalMs) process.exit(1)
        resolve(signal)
      })
    }
  })
}

function greet(url: string, selected: FunctionEntry[]): void {
  const example = selected.find(({ mode }) => mode === 'http')?.example
  process.stderr.write(
    `\nHTTP listens on ${url}\n${example ? `Try:\n\n  ${example.replaceAll('{url}', url)}\n\n` : ''}`,
  )
}
