// Runs every tests/**/*.test.ts as a process of its own and believes no exit code: each file has to pass n of n.
//   node testing/run.mjs              all but the deep ones
//   node testing/run.mjs order http   those whose path contains one of the words
//   node testing/run.mjs --deep       those that take their time as well, tests/**/*.deep.test.ts
// A nats-server is found as npm start finds one; NATS_SERVER names another.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const limitMs = 180_000
const deepLimitMs = 400_000

async function main(args) {
  const words = args.filter((arg) => arg !== '--deep')
  const wanted = (file) => (words.length > 0 ? words.some((word) => file.includes(word)) : deep || !isDeep(file))
  const deep = args.includes('--deep')
  const files = testFiles().filter(wanted)
  if (files.length === 0) {
    return fail(
      words.length > 0 ? `no test file has ${words.join(' or ')} in its path` : 'tests/: there is no test yet',
    )
  }
  await bundle(files)
  const server = await natsServer()
  console.log(`nats-server ${server.version} (${server.how})\n`)
  process.env.NATS_SERVER = server.path

  // One more than there are cores, since most of them wait for a broker or a process most of the time.
  let done = 0
  const told = () => `${++done} of ${files.length} files`
  const results = await pool(files, Math.min(2, availableParallelism()) + 1, (file) => run(file, told))
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  const failed = results.reduce((sum, result) => sum + result.failed, 0)
  const leftOut = [...new Set(results.flatMap((result) => result.leftOut))]
  if (leftOut.length > 0) console.log(`\n${leftOut.join('\n')}`)
  const spared = words.length > 0 ? 0 : testFiles().length - files.length
  if (spared > 0) console.log(`\n${spared} deep test files are run by npm run test:deep and by CI`)
  console.log(`\nran on nats-server ${server.version}\n${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

function testFiles(folder = 'tests') {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      return entry.isDirectory() ? testFiles(path) : path.endsWith('.test.ts') ? [path] : []
    })
    .sort()
}

const isDeep = (file) => file.endsWith('.deep.test.ts')

const built = (file) => join(root, 'dist', file.replace(/\.ts$/, '.mjs'))

async function bundle(files) {
  await build({
    entryPoints: [...files, 'embedded/ladder.ts'],
    absWorkingDir: root,
    outbase: '.',
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
  })
}

async function natsServer() {
  if (process.env.NATS_SERVER) {
    const version = await output(process.env.NATS_SERVER, ['-v'])
    return { path: process.env.NATS_SERVER, version: version.replace(/^.*v/s, '').trim(), how: 'NATS_SERVER' }
  }
  const { findBinary } = await import(built('embedded/ladder.ts'))
  return findBinary({ cacheDir: join(root, '.cache'), log: (line) => console.log(line) })
}

function output(command, args) {
  return new Promise((resolve, reject) => {
    let text = ''
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.once('error', reject)
    child.once('close', () => resolve(text))
  })
}

/** The file's own count of what passed; a file that says nothing has failed. */
function run(file, told) {
  return new Promise((resolve) => {
    const began = Date.now()
    // In a process group of its own, since what a test has started must end with it.
    const child = spawn(process.execPath, ['--enable-source-maps', built(file)], { cwd: root, detached: true })
    const end = () => endGroup(child.pid)
    process.once('exit', end)
    const limit = isDeep(file) ? deepLimitMs : limitMs
    let text = ''
    let late = false
    const note = (chunk) => {
      text += chunk
    }
    child.stdout.on('data', note)
    child.stderr.on('data', note)
    const timer = setTimeout(() => {
      late = true
      end()
    }, limit)
    child.once('close', (code) => {
      clearTimeout(timer)
      process.off('exit', end)
      const { registered = 0, passed = 0 } = JSON.parse(/^counted (.*)$/m.exec(text)?.[1] ?? '{}')
      const good = code === 0 && registered > 0 && passed === registered
      const failed = good ? 0 : Math.max(1, registered - passed)
      console.log(
        `${good ? 'ok  ' : 'FAIL'} ${file}: ${passed} of ${registered} in ${Date.now() - began} ms, ${told()}`,
      )
      if (!good) console.log(late ? `${text}\nkilled: still running after ${limit} ms` : text)
      resolve({ passed, failed, leftOut: text.split('\n').filter((line) => line.startsWith('left out: ')) })
    })
  })
}

function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

async function pool(items, size, work) {
  const results = []
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item; item = queue.shift()) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: size }, worker))
  return results
}

function fail(message) {
  console.error(message)
  return 1
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
process.exitCode = await main(process.argv.slice(2)).catch((error) => fail(error.stack))
