import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Manifest, readManifest } from '../../runtime/manifest'
import { type RuntimeProcess, startRuntime } from '../parts/process'

/** Where one function may die: at which of its steps, on which side of it, and at which passing. */
export interface Point {
  function: string
  step: string
  when: 'before' | 'after'
  hit: number
}

export const textOf = ({ function: name, step, when, hit }: Point): string => [name, step, when, hit].join('|')

export function pointOf(text: string): Point {
  const [name = '', step = '', when, hit = '1'] = text.split('|')
  return { function: name, step, when: when === 'after' ? 'after' : 'before', hit: Number(hit) }
}

const folder = 'dist/failpoints'
const path = join(folder, 'manifest.json')

/** The manifest of the build with failpoints; a killed process's messages come again within a second. */
export async function failpointManifest(): Promise<Manifest> {
  const manifest = JSON.parse(await readFile('manifest.json', 'utf8')) as Manifest
  // What is there for a replay alone runs nowhere.
  manifest.functions = manifest.functions.filter(({ policy }) => policy.replay !== 'only')
  for (const { policy } of manifest.functions) Object.assign(policy, { ackWaitMs: 1_000, backoffMs: 50 })
  await writeFile(path, JSON.stringify(manifest))
  return readManifest(path)
}

interface Options {
  natsUrl: string
  env?: Record<string, string>
  onLine?(line: Record<string, unknown>): void
}

const entry = ['--import', './bench/crash/failpoint.mjs', join(folder, 'dist/runtime/main.mjs'), '--manifest', path]

const start = (args: string[], { natsUrl, env, onLine }: Options) =>
  startRuntime({ entry, args, onLine, env: { NATS_URL: natsUrl, DRAIN_MS: '3000', ...env } })

/** One function in a process of its own, which dies at the point. */
export const startVictim = (name: string, options: Options, point?: Point): RuntimeProcess =>
  start(['--only', name], {
    ...options,
    env: { ...options.env, ...(point && { FAILPOINT: [point.step, point.when, point.hit].join('|') }) },
  })

export const startAll = (options: Options): RuntimeProcess => start([], options)

/** All the others. */
export const startRest = (name: string, options: Options): RuntimeProcess => start(['--except', name], options)

/** Runs every function in a process of its own while `work` goes on; resolves with the steps that each of them passed. */
export async function discover(
  manifest: Manifest,
  options: Options,
  work: (url: string) => Promise<void>,
): Promise<Map<string, string[]>> {
  const logs = await mkdtemp(join(tmpdir(), 'failpoints-'))
  const fileOf = (name: string) => join(logs, name.replaceAll('/', '__'))
  const processes: RuntimeProcess[] = []
  try {
    let url = ''
    for (const { name } of manifest.functions) {
      await writeFile(fileOf(name), '')
      const one = startVictim(name, { ...options, env: { ...options.env, FAILPOINT_LOG: fileOf(name) } })
      processes.push(one)
      url ||= await one.running
    }
    await work(url)
    await Promise.all(processes.map((one) => one.end('SIGTERM')))
    const found = new Map<string, string[]>()
    for (const { name } of manifest.functions) {
      const steps = (await readFile(fileOf(name), 'utf8')).split('\n').filter(Boolean).sort()
      if (steps.length > 0) found.set(name, steps)
    }
    return found
  } finally {
    await Promise.all(processes.map((one) => one.end('SIGKILL')))
    await rm(logs, { recursive: true, force: true })
  }
}
