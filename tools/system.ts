import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { natsUrl } from '../connect/settings'
import { openLog } from '../observe/log'
import type { Ports } from '../runtime/context'
import { configuration, isAway } from '../runtime/errors'
import { type FunctionEntry, type Manifest, readManifest } from '../runtime/manifest'
import { type Connection, openConnection } from '../runtime/nats/connection'
import { type JetStream, openJetStream } from '../runtime/nats/jetstream'
import { type Ask, openMux } from '../runtime/nats/mux'
import { natsPorts } from '../runtime/ports'
import { openTables } from '../stores/postgres/tables'
import { loadContracts, loadFunction } from './load'
import type { Place } from './tool'

/** For so long a command waits for a server. */
export const answersWithinMs = 5_000

/** What a command reaches NATS with. */
export interface Link {
  connection: Connection
  ask: Ask
  js: JetStream
}

/** Connects for one command and closes after it; a server that does not answer ends it with one line. */
export async function linked<T>({ env }: Place, use: (link: Link) => Promise<T>): Promise<T> {
  const patience = new AbortController()
  const late = sleep(answersWithinMs, undefined, { signal: patience.signal }).then(() => {
    throw configuration(`NATS_URL: nothing answers at ${natsUrl(env)}`)
  })
  const opening = openConnection(env, 'command', openLog('silent'))
  const connection = await Promise.race([opening, late]).finally(() => {
    late.catch(() => undefined)
    patience.abort()
  })
  try {
    const ask = openMux(connection)
    return await use({ connection, ask, js: openJetStream(ask, { leaderReads: connection.server.clustered }) })
  } catch (error) {
    throw isAway(error) ? configuration(`NATS_URL: ${error.message}`) : error
  } finally {
    await connection.flush(2_000).catch(() => undefined)
    await connection.close()
  }
}

/** A place whose environment names the server that `npm start` would use; one that this starts is ended after it. */
export async function withServer<T>(place: Place, folder: string, use: (there: Place) => Promise<T>): Promise<T> {
  const { findServer } = await import('../embedded/embedded')
  const { url, own } = await findServer(place.env, {
    root: folder,
    cacheDir: resolve(place.root, '.cache'),
    say: (line) => process.stderr.write(`${line}\n`),
  })
  try {
    return await use({ ...place, env: { ...place.env, NATS_URL: url } })
  } finally {
    await own?.stop()
  }
}

/** The manifest that a command is about, and where its paths start. */
export function manifestOf({ root }: Place, file: string | undefined): { manifest: Manifest; folder: string } {
  const path = resolve(file ?? resolve(root, 'manifest.json'))
  return { manifest: readManifest(path), folder: dirname(path) }
}

/** One function and what its handler may do, in the command's own process; its log lines are not the command's result. */
export async function ownFunction(
  entry: FunctionEntry,
  manifest: Manifest,
  folder: string,
  link: Link,
  env: NodeJS.ProcessEnv,
) {
  const contracts = await loadContracts(manifest, folder)
  const observe: Ports['observe'] = { began: () => {}, ended: () => {}, deadLettered: () => {}, redelivered: () => {} }
  const log = openLog('silent')
  const tables = await openTables({ manifest, env, log, selected: [entry], patienceMs: answersWithinMs })
  const ports = natsPorts({ ...link, manifest, contracts, log, observe, tables })
  return { fn: await loadFunction(entry, folder), ports }
}

export function functionNamed({ functions }: Manifest, name: string): FunctionEntry {
  const found = functions.find((entry) => entry.name === name)
  if (found) return found
  throw configuration(`no function is named «${name}»; there are ${functions.map((entry) => entry.name).join(', ')}`)
}
