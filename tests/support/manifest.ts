import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Manifest } from '../../runtime/manifest'
import { atEnd } from './suite'

/** The project's manifest as an operator would change it, in a folder of its own; returns its path. */
export async function manifestWith(change: (functions: Manifest['functions']) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'manifest-'))
  atEnd(() => rm(folder, { recursive: true, force: true }))
  const manifest = JSON.parse(await readFile('manifest.json', 'utf8')) as Manifest
  change(manifest.functions)
  await symlink(resolve('dist'), join(folder, 'dist'))
  const path = join(folder, 'manifest.json')
  await writeFile(path, JSON.stringify(manifest))
  return path
}

/** A killed process's messages come again after this long, so that a test need not wait for the 30 s of the default. */
export const impatient = (): Promise<string> =>
  manifestWith((functions) => {
    for (const { policy } of functions) policy.ackWaitMs = 1_000
  })
