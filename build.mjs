// Bundles every function by itself, lists them in manifest.json and merges their contracts.
//   node build.mjs           builds and writes
//   node build.mjs --check   writes neither manifest.json nor functions/_contracts.ts; exits 1 and says what is stale
//   node build.mjs FOLDER    builds another system, with functions/ in FOLDER and its manifest and bundles there
//   node build.mjs --failpoints   bundles runtime and functions into dist/failpoints/, with points where npm run crash kills
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { parse as parseYaml } from 'yaml'

const root = dirname(fileURLToPath(import.meta.url))
/** The folder of the system that is built. */
let base = root

async function main(args) {
  const folders = args.filter((arg) => !arg.startsWith('-'))
  const unknown = args.find((arg) => arg.startsWith('-') && !['--check', '--failpoints'].includes(arg)) ?? folders[1]
  if (unknown) {
    console.error(`${unknown}: not an option of build.mjs; there are --check, --failpoints and one folder`)
    return 2
  }
  const check = args.includes('--check')
  base = resolve(folders[0] ?? root)
  await bundleRuntime()
  const files = functionFiles()
  if (args.includes('--failpoints')) return bundleFailpoints(files)
  rmSync(join(base, 'dist/functions'), { recursive: true, force: true })

  const contracts = contractsModule()
  if (check && read('functions/_contracts.ts') !== contracts) return stale('functions/_contracts.ts')
  writeChanged('functions/_contracts.ts', contracts, check)

  await bundleFunctions(files)
  const manifest = `${JSON.stringify(await manifestOf(files), null, 2)}\n`
  if (check && read('manifest.json') !== manifest) return stale('manifest.json')
  writeChanged('manifest.json', manifest, check)
  console.log(`${files.length} functions built${check ? '; nothing is stale' : ''}`)
  if (files.length === 0)
    console.log(`next: ${shown('functions/')} has none yet; npm run new -- --help writes the first`)
  return 0
}

/** Beside the build that people run, with the same names under a folder of its own. */
async function bundleFailpoints(files) {
  common.define = { FAILPOINTS: 'true' }
  const folder = 'dist/failpoints'
  await bundleRuntime(`${folder}/dist/runtime`)
  await bundleFunctions(files, folder)
  console.log(`${files.length} functions built with failpoints`)
  return 0
}

function stale(file) {
  console.error(`${file} is stale: run node build.mjs and commit what it writes`)
  return 1
}

/** Every function file, sorted by name: `functions/order/create.ts` is `order/create`. What begins with `_` is none. */
function functionFiles(folder = 'functions') {
  if (!existsSync(join(base, folder)))
    throw wrong([`${shown(folder)}/: there is no such folder; put function files there`])
  return readdirSync(join(base, folder), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('_') && !name.startsWith('.'))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) return functionFiles(path)
      return /\.[mc]?[tj]s$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : []
    })
    .sort()
}

/** A path of the built folder as whoever called the build would type it. */
const shown = (path) => `${relative(process.cwd(), base)}/`.replace(/^\//, '') + path

/** A path of the project as a module below the built folder names it. */
function fromBase(below, path) {
  const found = relative(join(base, below), join(root, path)).split(sep).join('/')
  return found.startsWith('.') ? found : `./${found}`
}

const nameOf = (file) => file.replace(/^functions\//, '').replace(/\.[mc]?[tj]s$/, '')
const bundleOf = (file) => `dist/functions/${nameOf(file)}.mjs`

/** `functions/_contracts.ts`: the slices of all services as one, and the types that follow from it. */
function contractsModule() {
  const services = readdirSync(join(base, 'functions'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(base, 'functions', entry.name, '_contract.ts')))
    .map(({ name }) => name)
    .sort()
  const variable = (service) => service.replace(/[^A-Za-z0-9]+(.)?/g, (_, next = '') => next.toUpperCase())
  return `${[
    '// Made by build.mjs from functions/*/_contract.ts; node build.mjs makes it again.',
    `import type { ConfigOf, HandlerOf } from '${fromBase('functions', 'runtime/types')}'`,
    ...services.map((service) => `import ${variable(service)} from './${service}/_contract'`),
    '',
    `export const contracts = { ${services.map((service) => `...${variable(service)}`).join(', ')} }`,
    '',
    'export type Contracts = typeof contracts',
    'export type Config = ConfigOf<Contracts>',
    'export type Handler<C> = HandlerOf<Contracts, C>',
  ].join('\n')}\n`
}

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'silent',
  sourcemap: 'linked',
  sourcesContent: false,
  // Half as much to read and to map at a start; lines stay short, since a fatal error prints the one where it happened.
  minifyWhitespace: true,
  lineLimit: 200,
  define: { FAILPOINTS: 'false' },
}

/** In pieces that are loaded where they are needed: what a start has to read, compile and map is a third of its time. */
async function bundleRuntime(outdir = 'dist/runtime') {
  await build({
    ...common,
    absWorkingDir: root,
    entryPoints: Object.fromEntries(Object.keys(vendored).map((name) => [name, `vendored:${name}`])),
    outdir: `${outdir}/vendor`,
    outExtension: { '.js': '.mjs' },
    sourcemap: false,
    mainFields: ['module', 'main'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    plugins: [vendor],
  })
  const { metafile } = await esbuild({
    absWorkingDir: root,
    entryPoints: { main: 'tools/main.ts', manifest: 'runtime/manifest.ts', contracts: 'runtime/contracts.ts' },
    outdir,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'piece-[hash]',
    splitting: true,
    metafile: true,
    packages: 'external',
    plugins: [withVendor],
  })
  const made = Object.keys(metafile.outputs).map((path) => basename(path))
  for (const file of readdirSync(join(root, outdir))) {
    if (file.startsWith('piece-') && !made.includes(file)) rmSync(join(root, outdir, file))
  }
}

/** Packages that every start needs, each as one file: reading and linking the many of a package takes longer than the rest. */
const vendored = {
  nats: "export { connect, credsAuthenticator, nkeyAuthenticator } from 'nats'",
  pino: "export { pino } from 'pino'",
  superstruct: "export * from './validate/quick'",
}

const vendor = {
  name: 'vendor',
  setup(builder) {
    builder.onResolve({ filter: /^vendored:/ }, ({ path }) => ({
      path: path.slice('vendored:'.length),
      namespace: 'vendored',
    }))
    builder.onLoad({ filter: /.*/, namespace: 'vendored' }, ({ path }) => ({
      contents: vendored[path],
      resolveDir: root,
    }))
  },
}

const withVendor = {
  name: 'with-vendor',
  setup(builder) {
    const filter = new RegExp(`^(${Object.keys(vendored).join('|')})$`)
    builder.onResolve({ filter }, ({ path }) => ({ path: `./vendor/${path}.mjs`, external: true }))
  },
}

/** One bundle a function, with all that it imports, so that each can be deployed and replaced alone. */
async function bundleFunctions(files, outdir = '.') {
  const shared = { 'dist/contracts': 'functions/_contracts.ts' }
  for (const one of ['streams', 'tables', 'log']) {
    if (existsSync(join(base, `functions/_${one}.ts`))) shared[`dist/${one}`] = `functions/_${one}.ts`
  }
  const entryPoints = Object.fromEntries(files.map((file) => [bundleOf(file).slice(0, -'.mjs'.length), file]))
  await esbuild({
    entryPoints: { ...entryPoints, ...shared },
    outdir,
    outExtension: { '.js': '.mjs' },
    plugins: [yaml, withoutNats, quickStructs],
  })
}

const yaml = {
  name: 'yaml',
  setup(builder) {
    builder.onLoad({ filter: /\.yaml$/ }, ({ path }) => ({
      contents: JSON.stringify(parseYaml(readFileSync(path, 'utf8'))),
      loader: 'json',
    }))
  },
}

const quickStructs = {
  name: 'quick-structs',
  setup(builder) {
    const path = join(root, 'validate/quick.ts')
    builder.onResolve({ filter: /^superstruct$/ }, ({ importer }) => (importer === path ? undefined : { path }))
  },
}

const withoutNats = {
  name: 'without-nats',
  setup(builder) {
    builder.onResolve({ filter: /^(nats|@nats-io)(\/|$)/ }, () => ({
      errors: [{ text: 'imports nats; a function reaches the broker through its context alone' }],
    }))
  },
}

async function esbuild(options) {
  try {
    return await build({ ...common, absWorkingDir: base, ...options })
  } catch (error) {
    if (!error.errors) throw error
    throw wrong(
      error.errors.map(({ text, location }) => (location ? `${location.file}:${location.line}: ${text}` : text)),
    )
  }
}

async function manifestOf(files) {
  const rules = {
    ...(await import(fresh('dist/runtime/manifest.mjs', root))),
    ...(await import(fresh('dist/runtime/contracts.mjs', root))),
  }
  const { contracts } = await import(fresh('dist/contracts.mjs'))
  const optional = async (one) =>
    existsSync(join(base, `functions/_${one}.ts`)) ? (await import(fresh(`dist/${one}.mjs`))).default : undefined
  const streams = (await optional('streams')) ?? {}
  const tables = await optional('tables')
  checkTables(tables, rules)
  const entries = []
  const faults = []
  for (const file of files) {
    try {
      entries.push(await entryOf(file, { rules, contracts, streams, taken: entries }))
    } catch (error) {
      faults.push(`${file}: ${error.message}`)
    }
  }
  if (faults.length > 0) throw wrong(faults)
  return {
    $schema: fromBase('.', 'manifest.schema.json'),
    contracts: 'dist/contracts.mjs',
    streams: sorted(streams),
    tables,
    log: await optional('log'),
    functions: entries.sort((one, other) => (one.name < other.name ? -1 : 1)),
  }
}

async function entryOf(file, { rules, contracts, streams, taken }) {
  const bundle = await import(fresh(bundleOf(file)))
  const { config } = bundle
  if (typeof bundle.default !== 'function') {
    throw new Error(
      'has no default export that is a function; write export default (async (body, context) => { … }) satisfies Handler<typeof config>',
    )
  }
  if (typeof config !== 'object' || config === null) {
    throw new Error("exports no config; write export const config = { subject: '…', mode: '…' } satisfies Config")
  }
  const name = nameOf(file)
  const twin = taken.find((entry) => rules.consumerName(entry.name) === rules.consumerName(name))
  if (twin) throw new Error(`is named ${name} and ${twin.file} ${twin.name}: too alike; rename one of them`)
  const { mode, subject, queue, emits, requests, stores, ledgers, awaits, maxBodyBytes, example, ...rest } = config
  const entry = {
    name,
    file,
    bundle: bundleOf(file),
    mode,
    subject,
    queue,
    emits: sortedList(emits),
    requests: sortedList(requests),
    stores: sortedList(stores),
    ledgers: sortedList(ledgers),
    awaits: sortedList(awaits),
    maxBodyBytes,
    example,
    policy: sorted({ ...rules.defaultPolicy, ...rest }),
  }
  checkFields(entry, rules)
  rules.checkShape(entry, streams)
  checkContracts(entry, contracts, rules)
  return JSON.parse(JSON.stringify(entry))
}

function checkTables(tables, { check, Manifest }) {
  try {
    check(Manifest, { contracts: '', streams: {}, tables, functions: [] })
  } catch ({ message }) {
    throw wrong([`functions/_tables.ts: ${message.replaceAll('#/tables/', '')}`])
  }
}

/** Tells of the fields of an entry as those of the config that it was made from. */
function checkFields(entry, { check, FunctionEntry, Policy }) {
  try {
    check(FunctionEntry, entry)
  } catch ({ message }) {
    const fields = Object.keys({ ...FunctionEntry.schema, ...Policy.schema })
      .filter((field) => !['name', 'file', 'bundle', 'policy'].includes(field))
      .join(', ')
    const told = message.replaceAll(/#\/(policy\/)?(?!name)/g, 'config.')
    throw new Error(told.replaceAll('a field of this message', `a field of config; there are ${fields}`))
  }
}

function checkContracts({ mode, subject = '', emits, requests }, contracts, rules) {
  const needs = (field, one, made, known) => {
    if (known) return
    throw new Error(`config.${field} ${one} has no contract; add '${one}': ${made} to a functions/*/_contract.ts`)
  }
  const isMessage = (one) => rules.messageContract(contracts, one)
  const isRequest = (one) => rules.requestContract(contracts, one)
  if (mode === 'rpc') needs('subject', subject, 'request(struct, struct)', isRequest(subject))
  else if (mode !== 'http') {
    const handled = Object.keys(contracts).some((known) => rules.covers(subject, known) && isMessage(known))
    needs('subject', subject, 'message(struct)', handled)
  }
  for (const one of emits) needs('emits', one, 'message(struct)', isMessage(one))
  for (const one of requests) needs('requests', one, 'request(struct, struct)', isRequest(one))
}

/** What is no list stays what it is, to be refused by its field. */
const sortedList = (list = []) => (Array.isArray(list) ? [...list].sort() : list)

const sorted = (fields) => Object.fromEntries(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1)))

/** A module's address that no earlier import has cached. */
const fresh = (path, from = base) => `${pathToFileURL(resolve(from, path)).href}?${Date.now()}`

function read(path) {
  return existsSync(join(base, path)) ? readFileSync(join(base, path), 'utf8') : undefined
}

function writeChanged(path, text, check) {
  if (!check && read(path) !== text) writeFileSync(join(base, path), text)
}

function wrong(faults) {
  return Object.assign(new Error(faults.join('\n')), { wrong: faults })
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(error.wrong ? error.wrong.join('\n') : error.stack)
  return 1
})
