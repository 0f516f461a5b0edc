import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite'

const test = suite('log')

interface Options {
  endsReading?: boolean
  /** A file, in place of a pipe. */
  stdout?: string
}

/** Runs this in a process of its own, with a `log`, a `clock` of its own and the `writes` to its stdout so far. */
async function run(program: string, { endsReading = false, stdout }: Options = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'log-'))
  const outfile = join(folder, 'program.mjs')
  const contents = `
    import fs, { writeSync } from 'node:fs'
    import { setImmediate as turn } from 'node:timers/promises'
    import { openLog } from './observe/log'
    const clock = { now: 1_000 }
    performance.now = () => clock.now
    const writes = []
    fs.writeSync = (fd, text, ...more) => {
      if (fd === 1) writes.push([...String(text).matchAll(/"msg":"([^"]*)"/g)].map(([, said]) => said).join())
      return writeSync(fd, text, ...more)
    }
    const log = openLog('info')
    ${program}`
  try {
    await build({
      stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      // The library asks for modules of node as CommonJS does.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
      logLevel: 'silent',
    })
    // By its descriptor, since a file that the library is given is written by the library.
    const file = stdout === undefined ? undefined : openSync(stdout, 'w')
    const child = execa(process.execPath, [outfile], { reject: false, stdout: (file ?? 'pipe') as 'pipe' })
    if (file !== undefined) closeSync(file)
    if (endsReading) child.stdout?.destroy()
    const { exitCode, stdout: text = '', stderr } = await child
    return { exitCode, stdout: String(text), stderr: String(stderr) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const said = (stdout: string): string[] => stdout.split('\n').map((line) => JSON.parse(line).msg)

test('what is said alone is out before the next step', async () => {
  const { stdout, stderr } = await run(`
    log.info('one')
    clock.now += 6
    log.info('two')
    console.error(writes.join(' '))`)
  assert.is(stderr, 'one two')
  assert.is(stdout.split('\n').length, 2)
})

test('what one turn says after that is one write, in its order, and so is what the next one says', async () => {
  const { stderr } = await run(`
    for (const text of ['one', 'two', 'three', 'four']) log.info(text)
    console.error(writes.join(' '))
    await turn()
    console.error(writes.join(' '))
    for (const text of ['five', 'six']) log.info(text)
    await turn()
    console.error(writes.join(' '))`)
  assert.equal(stderr.split('\n'), ['one', 'one two,three,four', 'one two,three,four five,six'])
})

test('much is not gathered for the end of the turn', async () => {
  const { stderr } = await run(`
    log.info('one')
    for (let count = 0; count < 40; count++) log.info({ more: 'x'.repeat(1_000) }, 'more')
    console.error(writes.length > 2 && writes.length < 10)`)
  assert.is(stderr, 'true')
})

for (const [how, end] of [
  ['by process.exit', 'process.exit(0)'],
  ['by an error that nobody catches', "throw new Error('the end')"],
  ['by itself', ''],
] as const) {
  test(`a process that ends ${how} has said all`, async () => {
    const { stdout } = await run(`
      for (const text of ['one', 'two', 'three']) log.info(text)
      ${end}`)
    assert.equal(said(stdout), ['one', 'two', 'three'])
  })
}

test('a warning is out at once, after what was said before it', async () => {
  const { stderr } = await run(`
    for (const text of ['one', 'two']) log.info(text)
    log.warn('three')
    console.error(writes.join(' '))`)
  assert.is(stderr, 'one two,three')
})

test('what is said while the process ends is out, too', async () => {
  const { stdout } = await run(`
    process.on('exit', () => {
      for (const text of ['two', 'three']) log.info(text)
    })
    log.info('one')`)
  assert.equal(said(stdout), ['one', 'two', 'three'])
})

test('a line of any length is written, and what was gathered before it', async () => {
  const { stdout } = await run(`
    for (const text of ['one', 'two']) log.info(text)
    log.info({ more: 'x'.repeat(2_000_000) }, 'three')
    log.info('four')`)
  assert.equal(said(stdout), ['one', 'two', 'three', 'four'])
})

test('where a disk was full, what could be kept and all that comes later is written once there is room', async () => {
  const { stdout } = await run(`
    const full = fs.writeSync
    fs.writeSync = () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    }
    for (let count = 0; count < 2_000; count++) {
      clock.now += 6
      log.info({ more: 'x'.repeat(count % 400 + 600) }, 'while full')
    }
    fs.writeSync = full
    for (let count = 0; count < 100; count++) log.info('later')`)
  const lines = said(stdout)
  const many = (what: string) => lines.filter((line) => line === what).length
  assert.ok(many('while full') > 500 && many('while full') < 1_999, `${many('while full')}`)
  assert.is(many('later'), 100)
  assert.is(lines.at(-1), 'later')
})

const goesOn = `
  for (let count = 0; count < 20; count++) {
    log.info('one')
    log.info({ more: 'x'.repeat(100_000) }, 'two')
    await turn()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  console.error('the end')`

for (const [what, options] of [
  ['to which nobody listens any more', { endsReading: true }],
  ['whose lines go to a disk that is full', { stdout: '/dev/full' }],
] as const) {
  test(`a process ${what} goes on`, async () => {
    const { exitCode, stderr } = await run(goesOn, options)
    assert.is(stderr, 'the end')
    assert.is(exitCode, 0)
  })
}

test.run()
