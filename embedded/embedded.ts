import { join, relative, resolve } from 'node:path'
import { configuration } from '../runtime/errors'
import { wholeNumber } from '../runtime/settings'
import { findBinary } from './ladder'
import { probe } from './probe'
import { type EmbeddedServer, startServer } from './server'

export interface Found {
  url: string
  /** Nobody named this server, so its streams must be ours before we write to them. */
  stranger: boolean
  /** The server that this process started and ends with itself. */
  own?: EmbeddedServer
}

interface Options {
  /** Its data lie below. */
  root: string
  cacheDir: string
  say(line: string): void
}

/** `NATS_URL`, or whatever answers on localhost, or a server of our own with its data under `.data/`. */
export async function findServer(env: NodeJS.ProcessEnv, { root, cacheDir, say }: Options): Promise<Found> {
  if (env.NATS_URL) return { url: env.NATS_URL, stranger: false }
  const port = wholeNumber(env, 'NATS_PORT', 4222, 1, 65_535)
  for (const host of ['127.0.0.1', '::1']) {
    const answer = await probe(host, port)
    if (answer === undefined) continue
    if (answer === 'foreign') {
      throw configuration(`NATS_PORT: what listens on localhost:${port} is not NATS; set another port, or NATS_URL`)
    }
    say(`nats-server ${answer.version} answers on localhost:${port} already and is used`)
    return { url: `nats://${host.includes(':') ? `[${host}]` : host}:${port}`, stranger: true }
  }
  try {
    const data = resolve(root, env.DATA_DIR || '.data')
    const { path, version, how } = await findBinary({ cacheDir, log: say })
    const own = await startServer({
      binary: path,
      port,
      dataDir: join(data, 'nats'),
      log: say,
      // A server with much data recovers it before it answers.
      readyMs: 60_000,
    })
    say(`nats-server ${version} (${how}) runs on ${own.url}, its data under ${asTyped(data)}/`)
    return { url: own.url, stranger: false, own }
  } catch (error) {
    throw configuration((error as Error).message)
  }
}

/** From where the command was typed, unless that is elsewhere. */
function asTyped(path: string): string {
  const found = relative(process.cwd(), path)
  return found.startsWith('..') ? path : found
}
