import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { configuration } from '../runtime/errors'
import { covers, type Manifest, streamOf } from '../runtime/manifest'
import { flagsOf } from './flags'
import { manifestOf } from './system'
import { contractEntry, functionText, newContract, testText } from './templates'
import type { Tool } from './tool'

const help = `npm run new -- NAME --mode MODE [--subject SUBJECT] [--queue QUEUE]

  npm run new -- payment/audit --subject events.payment_captured --mode stream

Writes functions/NAME.ts, a contract stub where the subject has none yet, and tests/functions/….test.ts; overwrites nothing.

  --mode MODE          rpc, event, job, stream or http
  --subject SUBJECT    for all but http
  --queue QUEUE        the folder's name for rpc and job unless told`

const modes = ['rpc', 'event', 'job', 'stream', 'http'] as const

export interface Wanted {
  name: string
  service: string
  mode: (typeof modes)[number]
  subject: string
  queue: string | undefined
}

export const run: Tool = async (args, place) => {
  const { values, positionals } = flagsOf(['new'], args, {
    help: { type: 'boolean' },
    mode: { type: 'string' },
    subject: { type: 'string' },
    queue: { type: 'string' },
  })
  if (values.help) {
    place.say(help)
    return 0
  }
  const { manifest } = manifestOf(place, undefined)
  const wanted = wantedFrom(positionals, values, manifest)
  const path = `functions/${wanted.name}.ts`
  const test = `tests/functions/${wanted.name.replaceAll('/', '_')}.test.ts`
  for (const file of [path, test]) {
    if (existsSync(join(place.root, file))) throw configuration(`NAME: ${file} is there already`)
  }
  const contract = wanted.mode === 'http' ? undefined : contractFor(place.root, wanted, manifest)

  const files: Record<string, string> = {
    [path]: functionText(wanted, upTo(path)),
    [test]: testText(wanted),
    ...contract?.files,
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place.root, file)), { recursive: true })
    writeFileSync(join(place.root, file), text)
    place.say(`wrote ${file}`)
  }
  if (contract?.advice) place.say(contract.advice)
  place.say(`next: npm run build && node tests/run.mjs ${test.replace('.test.ts', '')}`)
  return 0
}

/** From a function's file to the folder of functions. */
const upTo = (path: string): string => relative(dirname(path), 'functions').split(sep).join('/') || '.'

function wantedFrom(
  positionals: string[],
  { mode, subject = '', queue }: { mode?: string; subject?: string; queue?: string },
  manifest: Manifest,
): Wanted {
  const [name, ...more] = positionals
  if (!name || more.length > 0) throw configuration('NAME: one name, as payment/audit; see node runtime new --help')
  if (!/^[\w-]+(\/[\w-]+)+$/.test(name) || /(^|\/)_/.test(name)) {
    throw configuration(`NAME: a folder and a name of letters, digits, _ and -, as payment/audit, not ${name}`)
  }
  const known = modes.find((one) => one === mode)
  if (!known) throw configuration(`--mode: one of ${modes.join(', ')}, not ${mode ?? 'nothing'}`)
  const service = name.split('/')[0] as string
  if (queue !== undefined && !/^[\w-]+$/.test(queue))
    throw configuration(`--queue: letters, digits, _ and -, not ${queue}`)
  if (known === 'http') return { name, service, mode: known, subject: '', queue }
  if (!/^[\w-]+(\.([\w-]+|\*))*$/.test(subject))
    throw configuration(`--subject: a subject as events.payment_captured, not ${subject || 'nothing'}`)
  if ((known === 'job' || known === 'stream') && !streamOf(manifest, subject)) {
    throw configuration(`--subject: ${subject} is in no stream; add one that carries it to functions/_streams.ts first`)
  }
  if (subject.includes('*') && (known === 'rpc' || known === 'job')) {
    throw configuration(`--subject: ${known} takes one subject, not ${subject}`)
  }
  const shares = known === 'rpc' || known === 'job'
  return { name, service, mode: known, subject, queue: queue ?? (shares ? service : undefined) }
}

/** A stub where nobody has a contract for the subject; a file that is there is never changed, but advice is given. */
function contractFor(
  root: string,
  wanted: Wanted,
  manifest: Manifest,
): { files?: Record<string, string>; advice?: string } {
  if (subjectsIn(root, manifest).some((known) => covers(wanted.subject, known))) return {}
  if (wanted.subject.includes('*'))
    throw configuration(`--subject: nothing that ${wanted.subject} matches has a contract`)
  const file = `functions/${wanted.service}/_contract.ts`
  if (!existsSync(join(root, file))) return { files: { [file]: newContract(wanted) } }
  return { advice: `${file} is there already; add to what it exports:\n\n${contractEntry(wanted)}\n` }
}

/** Every subject that a contract names, as its file says it. */
function subjectsIn(root: string, { functions }: Manifest): string[] {
  const services = new Set(functions.map(({ name }) => name.split('/')[0] as string))
  return [...services].flatMap((service) => {
    const file = join(root, 'functions', service, '_contract.ts')
    if (!existsSync(file)) return []
    return [...readFileSync(file, 'utf8').matchAll(/^\s*'([^']+)':/gm)].map(([, subject]) => subject as string)
  })
}
