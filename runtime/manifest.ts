import { readFileSync } from 'node:fs'
import {
  array,
  boolean,
  enums,
  type Infer,
  integer,
  max,
  min,
  nonempty,
  object,
  optional,
  record,
  refine,
  string,
  union,
} from 'superstruct'
import { ledgerStream } from '../stores/ledger_log'
import { TableEntries } from '../stores/postgres/description'
import { check } from './contracts'
import { configuration } from './errors'

const positive = min(integer(), 1)
/** No timer runs longer: one that is asked to goes off at once. */
export const longestTimerMs = 2 ** 31 - 1
const timed = (leastMs: number) => max(min(integer(), leastMs), longestTimerMs)

const formed = (form: RegExp, what: string) => refine(string(), 'form', (text) => form.test(text) || `Expected ${what}`)
const word = formed(/^[\w-]+$/, 'letters, digits, _ and -')
const path = formed(/^[\w-]+(\/[\w-]+)*$/, 'letters, digits, _ and -, with / between folders; rename the file')

export const Policy = object({
  concurrency: positive,
  batch: optional(max(positive, 1_000)),
  gatherMs: optional(max(positive, 10_000)),
  ordered: boolean(),
  timeoutMs: timed(1),
  ackWaitMs: timed(1_000),
  maxDeliver: positive,
  maxAgeMs: optional(positive),
  backoffMs: union([timed(1), nonempty(array(timed(1)))]),
  from: enums(['all', 'new']),
  replay: optional(enums(['never', 'only'])),
})

export const defaultPolicy: Infer<typeof Policy> = {
  concurrency: 64,
  ordered: false,
  timeoutMs: 30_000,
  ackWaitMs: 30_000,
  maxDeliver: 20,
  backoffMs: 250,
  from: 'all',
}

export const FunctionEntry = object({
  name: path,
  file: string(),
  bundle: string(),
  mode: enums(['rpc', 'event', 'job', 'stream', 'http']),
  subject: optional(nonempty(string())),
  queue: optional(word),
  emits: array(string()),
  requests: array(string()),
  stores: array(word),
  ledgers: array(word),
  awaits: array(string()),
  maxBodyBytes: optional(positive),
  example: optional(string()),
  policy: Policy,
})

const StreamEntry = object({
  subjects: nonempty(array(nonempty(string()))),
  description: optional(string()),
  maxAgeMs: optional(min(integer(), 0)),
  maxBytes: optional(integer()),
  duplicateWindowMs: optional(positive),
})

export const Manifest = object({
  $schema: optional(string()),
  contracts: string(),
  streams: record(string(), StreamEntry),
  tables: optional(TableEntries),
  log: optional(record(word, string())),
  functions: array(FunctionEntry),
})

export type Manifest = Infer<typeof Manifest>
export type FunctionEntry = Infer<typeof FunctionEntry>
export type Policy = Infer<typeof Policy>

/** Reads and checks a manifest; every error names the file and the field. */
export function readManifest(path: string): Manifest {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw configuration(`--manifest: cannot read ${path}; node build.mjs makes manifest.json`)
  }
  try {
    const manifest = check(Manifest, JSON.parse(text))
    manifest.functions.forEach((entry, index) => void checkEntry(manifest, entry, index))
    return manifest
  } catch (error) {
    throw configuration(`${path}: ${(error as Error).message.replaceAll('\n', ' ')}`)
  }
}

function checkEntry({ streams, functions }: Manifest, entry: FunctionEntry, index: number): void {
  try {
    const first = functions.findIndex(({ name }) => consumerName(name) === consumerName(entry.name))
    if (first !== index) throw new Error(`name stands twice, at #/functions/${first} too`)
    checkShape(entry, streams)
  } catch (error) {
    throw new Error(`#/functions/${index} (${entry.name}): ${(error as Error).message}`)
  }
}

/** What a mode needs of its entry, whoever wrote it. */
export function checkShape(entry: FunctionEntry, streams: Manifest['streams']): void {
  const { mode, subject, queue } = entry
  if (entry.policy.batch !== undefined && (mode === 'rpc' || mode === 'http')) {
    throw new Error(`config.batch is for messages that nobody waits for; this is ${mode}`)
  }
  if (entry.policy.gatherMs !== undefined && entry.policy.batch === undefined) {
    throw new Error('config.gatherMs is for a batch: set config.batch as well')
  }
  if (mode === 'http') return
  if (!subject) throw new Error(`config.subject is required in mode ${mode}`)
  if ((mode === 'rpc' || mode === 'job') && !queue) {
    throw new Error(`config.queue is required in mode ${mode}: its instances share the work under that name`)
  }
  if (isStored(entry) && !streamOf({ streams }, subject)) {
    throw new Error(`config.subject ${subject} is in no stream; add one that carries it to functions/_streams.ts`)
  }
}

const isStored = ({ mode }: FunctionEntry): boolean => mode === 'job' || mode === 'stream'

/** What exists to be replayed alone has no durable: nothing is handed to it live. */
export const isDurable = (entry: FunctionEntry): boolean => isStored(entry) && entry.policy.replay !== 'only'

/** The durable consumer of a function. */
export const consumerName = (name: string): string => name.replaceAll('/', '__')

/** The stream that carries a subject, and whether that is all it carries. */
export function streamOf(
  manifest: Pick<Manifest, 'streams'>,
  subject: string,
): { stream: string; whole: boolean } | undefined {
  for (const [stream, { subjects }] of Object.entries(manifest.streams)) {
    if (subjects.some((pattern) => covers(pattern, subject))) {
      return { stream, whole: subjects.length === 1 && subjects[0] === subject }
    }
  }
  const name = /^ledger\.([^.*>]+)$/.exec(subject)?.[1]
  return name ? { stream: ledgerStream(name).stream, whole: true } : undefined
}

/** Whether every subject that `subject` matches is matched by `pattern`. */
export function covers(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const given = subject.split('.')
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return given.length > index
    const one = given[index]
    if (one === undefined || one === '>' || (token !== '*' && token !== one)) return false
  }
  return wanted.length === given.length
}
