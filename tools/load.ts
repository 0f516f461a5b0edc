import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { asError, configuration } from '../runtime/errors'
import type { LoadedFunction } from '../runtime/invoke'
import type { FunctionEntry, Manifest } from '../runtime/manifest'
import type { Contracts } from '../runtime/types'

/** The merged contracts that the manifest names; its paths start from `root`, and `version` tells one load from another. */
export async function loadContracts({ contracts }: Manifest, root: string, version = ''): Promise<Contracts> {
  return (await load(root, contracts, version)).contracts as Contracts
}

/** A function's bundle, once its `setup` found the environment in order. */
export async function loadFunction(entry: FunctionEntry, root: string, version = ''): Promise<LoadedFunction> {
  const { default: handler, setup } = await load(root, entry.bundle, version)
  if (typeof handler !== 'function') throw configuration(`${entry.bundle} has no default export that is a function`)
  try {
    if (typeof setup === 'function') await setup()
  } catch (error) {
    throw configuration(asError(error).message)
  }
  return { entry, handler: handler as LoadedFunction['handler'] }
}

async function load(root: string, path: string, version: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(resolve(root, path)).href + version)
  } catch (error) {
    throw configuration(`${path} cannot be loaded; node build.mjs makes it: ${asError(error).message}`)
  }
}
