import { readFileSync } from 'node:fs'
import type { Authenticator, ConnectionOptions } from 'nats'
import { configuration } from '../runtime/errors'
import { natsUrl } from './settings'

/** What the client makes of a secret; given, since this file imports nothing of the client. */
type Authenticators = Pick<typeof import('nats'), 'credsAuthenticator' | 'nkeyAuthenticator'>

/** How a process connects and as whom, from its environment; a wrong value is one line that names the variable. */
export function connectionOptions(env: NodeJS.ProcessEnv, name: string, make: Authenticators): ConnectionOptions {
  return {
    name,
    servers: servers(natsUrl(env)),
    resolve: false,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: false,
    pingInterval: 5_000,
    maxPingOut: 2,
    timeout: 5_000,
    noAsyncTraces: true,
    user: env.NATS_USER,
    pass: env.NATS_PASSWORD,
    token: env.NATS_TOKEN,
    authenticator: authenticators(env, make),
    tls: tls(env),
  }
}

function servers(list: string): string[] {
  const names = list
    .split(',')
    .map((server) => server.trim())
    .filter(Boolean)
  for (const server of names) {
    try {
      new URL(server.includes('://') ? server : `nats://${server}`)
    } catch {
      throw configuration(`NATS_URL: not a server address: ${server}`)
    }
  }
  if (names.length === 0) throw configuration('NATS_URL: names no server')
  return names
}

function authenticators(env: NodeJS.ProcessEnv, make: Authenticators): Authenticator[] | undefined {
  const found: Authenticator[] = []
  if (env.NATS_CREDS) found.push(make.credsAuthenticator(fileOf('NATS_CREDS', env.NATS_CREDS)))
  if (env.NATS_NKEY) {
    const seed = env.NATS_NKEY.startsWith('S') ? Buffer.from(env.NATS_NKEY) : fileOf('NATS_NKEY', env.NATS_NKEY)
    found.push(make.nkeyAuthenticator(Buffer.from(seed.toString().trim())))
  }
  return found.length ? found : undefined
}

function tls(env: NodeJS.ProcessEnv) {
  const { NATS_CA: caFile, NATS_CERT: certFile, NATS_KEY: keyFile } = env
  for (const [field, file] of Object.entries({ NATS_CA: caFile, NATS_CERT: certFile, NATS_KEY: keyFile })) {
    if (file) fileOf(field, file)
  }
  return caFile || certFile ? { caFile, certFile, keyFile } : undefined
}

function fileOf(field: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    throw configuration(`${field}: cannot read the file ${path}`)
  }
}
