import { readSettings } from '../connect/settings'
import { type Host, startHost } from '../runtime/host'
import type { Handler } from '../runtime/invoke'
import { defaultPolicy, type FunctionEntry, type Manifest, Policy } from '../runtime/manifest'
import type { Contracts, Log } from '../runtime/types'
import type { Broker } from './broker'
import { atEnd } from './ends'

export interface TestFunction extends Partial<Omit<FunctionEntry, 'name' | 'policy'>> {
  mode: FunctionEntry['mode']
  policy?: Partial<Policy>
  handler: Handler
}

export interface LogLine {
  level: string
  fields: Record<string, unknown>
  text: string
}

export interface TestHost extends Host {
  log: LogLine[]
}

interface HostOptions {
  contracts: Contracts
  streams?: Manifest['streams']
  /** Log fields, each with the field of the body that it is taken from. */
  log?: Manifest['log']
  functions: Record<string, TestFunction>
  env?: Record<string, string>
}

/** A function file as it stands: its config and its default export. */
export function fromModule({ default: handler, config }: { default: Handler; config: object }): TestFunction {
  const policy: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(config)) (field in Policy.schema ? policy : rest)[field] = value
  return { ...(rest as Pick<FunctionEntry, 'mode'>), policy: policy as Partial<Policy>, handler }
}

/** Runs functions in this process on a real broker, each under its name; `EVENTS` and `JOBS` are there unless told otherwise. */
export async function runFunctions(broker: Pick<Broker, 'url'>, options: HostOptions): Promise<TestHost> {
  const { contracts, streams = { EVENTS: { subjects: ['events.*'] }, JOBS: { subjects: ['jobs.*'] } } } = options
  const functions = Object.entries(options.functions).map(([name, { handler, policy, ...rest }]) => {
    const lists = { emits: [], requests: [], stores: [], ledgers: [], awaits: [] }
    const entry = { name, file: name, bundle: name, ...lists, ...rest, policy: { ...defaultPolicy, ...policy } }
    return { entry, handler }
  })
  const lines: LogLine[] = []
  const env = { NATS_URL: broker.url, HTTP_ADDR: '127.0.0.1:0', LOG_LEVEL: 'silent', ...options.env }
  const host = await startHost({
    manifest: { contracts: '', streams, log: options.log, functions: functions.map(({ entry }) => entry) },
    contracts,
    functions,
    settings: readSettings(env),
    env,
    log: recorder(lines),
  })
  let stopped: Promise<boolean> | undefined
  const stop = () => {
    stopped ??= host.stop()
    return stopped
  }
  atEnd(stop)
  return { ...host, stop, log: lines }
}

function recorder(lines: LogLine[]): Log {
  const note = (level: string) => (fields: object, text: string) =>
    void lines.push({ level, fields: Object.fromEntries(Object.entries(fields).map(readable)), text })
  return { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
}

/** An error says nothing as JSON. */
const readable = ([name, value]: [string, unknown]): [string, unknown] =>
  value instanceof Error ? [name, { ...value, message: value.message, stack: value.stack }] : [name, value]
