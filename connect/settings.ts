import { configuration } from '../runtime/errors'
import { wholeNumber } from '../runtime/settings'

/** Where to listen; without a host on every address. */
export interface Address {
  host: string | undefined
  port: number
}

export interface Settings {
  http: Address
  /** Where a process tells of itself, gateway or not. */
  ops: Address | undefined
  replicas: number
  drainMs: number
  shutdownDelayMs: number
  logLevel: string
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** The runtime's own environment; a wrong value is one line that names the variable. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const logLevel = env.LOG_LEVEL || 'info'
  if (!levels.includes(logLevel)) throw configuration(`LOG_LEVEL: one of ${levels.join(', ')}, not ${logLevel}`)
  return {
    http: address('HTTP_ADDR', env.HTTP_ADDR || ':8080'),
    ops: env.OPS_ADDR ? address('OPS_ADDR', env.OPS_ADDR) : undefined,
    replicas: wholeNumber(env, 'REPLICAS', 1, 1, 5),
    drainMs: wholeNumber(env, 'DRAIN_MS', 10_000, 0, 3_600_000),
    shutdownDelayMs: wholeNumber(env, 'SHUTDOWN_DELAY_MS', 0, 0, 3_600_000),
    logLevel,
  }
}

function address(name: string, text: string): Address {
  const [, host, port] = /^(?:\[?([^\]]*?)\]?)?:(\d+)$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535) {
    throw configuration(`${name}: not an address, as :8080 or 127.0.0.1:8080: ${text}`)
  }
  return { host: host || undefined, port: Number(port) }
}

/** `NATS_URL`, or the port of this machine that `npm start` looks at. */
export const natsUrl = (env: NodeJS.ProcessEnv): string =>
  env.NATS_URL || `nats://localhost:${wholeNumber(env, 'NATS_PORT', 4222, 1, 65_535)}`

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `<STREAM>_MAX_AGE` (as 12h or 30d) and `<STREAM>_MAX_BYTES` narrow what a stream keeps. */
export function limits(env: NodeJS.ProcessEnv, stream: string): { maxAgeMs?: number; maxBytes?: number } {
  const age = env[`${stream}_MAX_AGE`]
  const [, count, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(age ?? '') ?? []
  if (age && !unit) throw configuration(`${stream}_MAX_AGE: a duration as 12h or 30d, not ${age}`)
  const maxBytes = wholeNumber(env, `${stream}_MAX_BYTES`, 0)
  return { ...(unit && { maxAgeMs: Number(count) * (unitMs[unit] as number) }), ...(maxBytes > 0 && { maxBytes }) }
}
