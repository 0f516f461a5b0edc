import { execFile } from 'node:child_process'
import { join } from 'node:path'

/** Builds the system in `folder` by a process of its own; resolves with what is wrong, or with nothing. */
export function rebuilt(root: string, folder: string): Promise<string | undefined> {
  const args = [join(root, 'build.mjs'), ...(folder === root ? [] : [folder])]
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, _, stderr) => resolve(error ? stderr.trim() || error.message : undefined))
  })
}
