import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { findBinary, type LadderOptions, steps } from '../../embedded/ladder'

/** A folder that is gone after the body, however that ends. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A program of the shell's; answers its path. */
export async function script(path: string, body: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${body}\n`)
  await chmod(path, 0o755)
  return path
}

/** What a nats-server of that version says to `-v`. */
export function fakeServer(path: string, version: string): Promise<string> {
  return script(path, `echo nats-server: v${version}`)
}

/** Climbs these rungs only, with nothing on the PATH unless told; answers what was found and what was logged. */
export async function climb(rungs: string[], options: Partial<LadderOptions> & { cacheDir: string }) {
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  const chosen = rungs.map((rung) => steps.find(({ name }) => name === rung)).filter((step) => step !== undefined)
  if (chosen.length < rungs.length) throw new Error(`no such rung in ${rungs}`)
  try {
    const found = await findBinary({ env: { PATH: '' }, systemFolders: [], ...options, log, steps: chosen })
    return { found, lines, error: undefined }
  } catch (error) {
    return { found: undefined, lines, error: error as Error }
  }
}

/** The server that other tests run: the one named, or what the ladder brings. */
export async function realServer(): Promise<string | undefined> {
  if (process.env.NATS_SERVER) return process.env.NATS_SERVER
  try {
    return (await findBinary({ cacheDir: '.cache', log: console.log })).path
  } catch {
    console.log('left out: what needs a real nats-server; put one on the PATH')
    return undefined
  }
}
