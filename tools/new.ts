import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { configuration } from '../runtime/errors'
import { covers, type Manifest, streamOf } from '../runtime/manifest'
import { withSubject } from './contract'
import { flagsOf } from './flags'
import { manifestOf } from './system'
import { functionText, newContract, testText } from './templates'
import type { Tool } from './tool'

const help = `npm run new -- NAME --mode MODE [--subject SUBJECT] [--queue QUEUE] [--manifest FILE]

  npm run new -- payment/audit --subject events.payment_captured --mode stream

Writes functions/NAME.ts and tests/functions/….test.ts, and where the subject has no contract yet a stub of one, into the
service's _contract.ts if there is one; changes nothing else.

  --mode MODE          rpc, event, job, stream or http
  --subject SUBJECT    for all but http
  --queue QUEUE        the folder's name for rpc and job unless told
  --manifest FILE      for the system whose manifest it is; its tests go to tests/ and that folder's name`

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
    manifest: { type: 'string' },
  })
  if (values.help) {
    place.say(help)
    return 0
  }
  const { manifest, folder } = manifestOf(place, values.manifest)
  const wanted = wantedFrom(positionals, values, manifest)
  const system = placesOf(place.root, folder, wanted)
  const { shown, path, test } = system
  for (const file of [path, test]) {
    if (existsSync(file)) throw configuration(`NAME: ${shown(file)} is there already`)
  }
  const { contract, sample } = contractFor(wanted, system)
  const files = { [path]: functionText(wanted, system.up), [test]: testText(wanted, sample, system), ...contract }
  for (const [file, text] of Object.entries(files)) {
    const known = existsSync(file)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    place.say(`${known ? 'added to' : 'wrote'} ${shown(file)}`)
  }
  const own = shown(folder)
  place.say(`next:
${Object.keys(contract)
  .map((file) => `  say in ${shown(file)} what ${wanted.subject} carries\n`)
  .join('')}  fill in ${shown(path)}
  fill in the body that ${shown(test)} sends${sample.unknown ? ': the contract asks for more than {}' : ''}
  node build.mjs${own && ` ${own}`} && node testing/run.mjs ${shown(test).replace('.test.ts', '')}`)
  return 0
}

interface Places {
  /** Where the function, its test and its service's contract are. */
  path: string
  test: string
  contract: string
  /** The system's functions. */
  functions: string
  streams: boolean
  shown(file: string): string
  /** As the function, the contract and the test import them. */
  up: string
  runtime: string
  imports: { functions: string; testing: string }
}

function placesOf(root: string, folder: string, { name, service }: Wanted): Places {
  const functions = join(folder, 'functions')
  const path = join(functions, `${name}.ts`)
  // Only tests below tests/ are run.
  const tests = join(root, 'tests', folder === root ? 'functions' : basename(folder))
  return {
    path,
    test: join(tests, `${name.replaceAll('/', '_')}.test.ts`),
    contract: join(functions, service, '_contract.ts'),
    functions,
    streams: existsSync(join(functions, '_streams.ts')),
    shown: (file) => slashed(relative(root, file)),
    up: from(dirname(path), functions),
    runtime: from(join(functions, service), join(root, 'runtime')),
    imports: { functions: from(tests, functions), testing: from(tests, join(root, 'testing')) },
  }
}

const slashed = (path: string): string => path.split(sep).join('/')

/** A path as a module in `folder` imports it. */
function from(folder: string, path: string): string {
  const found = slashed(relative(folder, path)) || '.'
  return found.startsWith('.') ? found : `./${found}`
}

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

interface Contracted {
  /** The text of the file that gets the contract, by its path; none where there is one already. */
  contract: Record<string, string>
  /** What a test sends. */
  sample: { subject: string; unknown: boolean }
}

function contractFor(wanted: Wanted, { contract: file, functions, runtime, shown }: Places): Contracted {
  const { subject, mode } = wanted
  if (mode === 'http') return { contract: {}, sample: { subject, unknown: false } }
  const known = subjectsIn(functions).find((known) => covers(subject, known))
  if (known) return { contract: {}, sample: { subject: known, unknown: true } }
  if (subject.includes('*')) throw configuration(`--subject: nothing that ${subject} matches has a contract`)
  const text = existsSync(file)
    ? withSubject(readFileSync(file, 'utf8'), wanted, shown(file))
    : newContract(wanted, runtime)
  return { contract: { [file]: text }, sample: { subject, unknown: false } }
}

/** Every subject that a contract names, as its file says it. */
function subjectsIn(functions: string): string[] {
  if (!existsSync(functions)) return []
  return readdirSync(functions).flatMap((service) => {
    const file = join(functions, service, '_contract.ts')
    if (!existsSync(file)) return []
    return [...readFileSync(file, 'utf8').matchAll(/'([^'\s]+)':/g)].map(([, subject]) => subject as string)
  })
}
