import { type FSWatcher, readdirSync, watch } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const quietMs = 100

/**
 * Calls `act` once things are quiet again after a change below the folder, which may come and go: an editor saves in
 * several steps, and a checkout changes many files.
 */
export function onChange(folder: string, act: () => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined
  let watchers: FSWatcher[] = []

  // A recursive watch follows the inodes that it found first; what is saved by a rename or made anew has another one.
  const look = () => {
    const before = watchers
    // From above too, for the folder itself may be made anew.
    watchers = [
      ...watching(dirname(folder), (file) => file === basename(folder) && changed()),
      ...watchingBelow(folder, changed),
    ]
    for (const watcher of before) watcher.close()
  }
  const changed = (file: string | null = null) => {
    // The build writes this one itself.
    if (file === '_contracts.ts') return
    clearTimeout(timer)
    timer = setTimeout(() => {
      look()
      act()
    }, quietMs)
  }

  look()
  return {
    close() {
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
    },
  }
}

/** None where the folder has gone in the meantime: the one above it tells of that. */
function watching(path: string, tell: (file: string | null) => void): FSWatcher[] {
  try {
    return [watch(path, (_, file) => tell(file)).on('error', () => tell(null))]
  } catch {
    return []
  }
}

/** Watched before it is listed, so that no folder comes between the two. */
function watchingBelow(folder: string, tell: (file: string | null) => void): FSWatcher[] {
  const own = watching(folder, tell)
  return own.length === 0
    ? []
    : [...own, ...foldersIn(folder).flatMap((name) => watchingBelow(join(folder, name), tell))]
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch {
    return []
  }
}
