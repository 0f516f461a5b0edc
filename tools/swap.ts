import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '../runtime/host'
import type { LoadedFunction } from '../runtime/invoke'
import type { FunctionEntry, Manifest } from '../runtime/manifest'
import type { Contracts } from '../runtime/types'
import { loadContracts, loadFunction } from './load'
import { selectAny } from './select'

interface Parts {
  host: Host
  /** Held by reference by the host, and changed in place. */
  manifest: Manifest
  contracts: Contracts
  functions: LoadedFunction[]
  folder: string
  say(line: string): void
}

interface Which {
  only?: string
  except?: string
}

/** Brings what runs to what was built, function by function; one that cannot be loaded stays as it was. */
export function swapper({ host, manifest, contracts, functions, folder, say }: Parts) {
  const versionOf = (path: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, path)))
      .digest('hex')
      .slice(0, 16)
  const running = new Map(functions.map((fn) => [fn.entry.name, { fn, version: versionOf(fn.entry.bundle) }]))
  let contractsVersion = versionOf(manifest.contracts)
  let { streams } = manifest

  const takeContracts = async (next: Manifest) => {
    const version = versionOf(next.contracts)
    if (version === contractsVersion) return
    const fresh = await loadContracts(next, folder, `?${version}`)
    for (const subject of Object.keys(contracts)) if (!(subject in fresh)) delete contracts[subject]
    Object.assign(contracts, fresh)
    contractsVersion = version
  }

  const bring = async (entry: FunctionEntry) => {
    const { name, bundle } = entry
    const old = running.get(name)
    const version = versionOf(bundle)
    const same = old && JSON.stringify(old.fn.entry) === JSON.stringify(entry)
    if (same && old.version === version) return
    const fresh = await loadFunction(entry, folder, `?${version}`)
    if (same) {
      // Its subscription stays, so no message misses it; what is under way ends as it began.
      old.fn.handler = fresh.handler
      running.set(name, { fn: old.fn, version })
    } else {
      await host.put(fresh)
      running.set(name, { fn: fresh, version })
    }
    say(`${old ? 'swapped' : 'added'} ${name}`)
  }

  return async (read: () => Manifest, which: Which): Promise<void> => {
    const next = read()
    await takeContracts(next)
    Object.assign(manifest, next)
    for (const line of changesOf(streams, next.streams)) say(line)
    streams = next.streams
    const selected = selectAny(next, which)
    for (const entry of selected)
      await bring(entry).catch((error) => say(`${entry.name}: ${error.message}; it goes on unchanged`))
    for (const name of running.keys()) {
      if (selected.some((entry) => entry.name === name)) continue
      running.delete(name)
      await host.remove(name)
      say(`removed ${name}`)
    }
  }
}

/** What became of each stream that differs. */
function changesOf(before: Manifest['streams'], after: Manifest['streams']): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    if (JSON.stringify(before[name]) === JSON.stringify(after[name])) return []
    if (!before[name]) return [`stream ${name}: new, and made with the next function that is added or swapped`]
    if (!after[name]) return [`stream ${name}: used no more; it stays on the server`]
    return [`stream ${name}: changed; node runtime provision --update changes it on the server`]
  })
}
