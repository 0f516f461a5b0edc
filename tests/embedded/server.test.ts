import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { execa } from 'execa'
import { connect } from 'nats'
import * as assert from 'uvu/assert'
import { probe } from '../../embedded/probe'
import { type EmbeddedServer, type ServerOptions, startServer } from '../../embedded/server'
import { suite } from '../support/suite'
import { inFolder, realServer, script } from './fixtures'

const test = suite('embedded server')
const binary = await realServer()

/** A server on a folder of its own; whatever the body does, no process is left. */
function withServer(body: (server: EmbeddedServer, dataDir: string, lines: string[]) => Promise<void>) {
  return () =>
    inFolder(async (dataDir) => {
      if (!binary) return
      const lines: string[] = []
      const server = await startServer({ binary, port: 0, dataDir, log: (line) => void lines.push(line) })
      try {
        await body(server, dataDir, lines)
      } finally {
        await server.stop()
      }
    })
}

const quiet = { port: 0, log: () => {} }

/** Why it would not start; stops it where it did. */
async function refusal(options: Partial<ServerOptions> & { dataDir: string }): Promise<string> {
  let server: EmbeddedServer
  try {
    server = await startServer({ ...quiet, binary: '/nowhere', ...options })
  } catch (error) {
    return (error as Error).message
  }
  await server.stop()
  throw new Error('it started')
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5_000; Date.now() < end; await sleep(20)) if (await condition()) return
  throw new Error(`never: ${condition}`)
}

async function publish({ url }: EmbeddedServer): Promise<void> {
  const connection = await connect({ servers: url })
  await (await connection.jetstreamManager()).streams.add({ name: 'KEPT', subjects: ['kept'] })
  await connection.jetstream().publish('kept', 'the message')
  await connection.close()
}

async function read({ url }: EmbeddedServer): Promise<string> {
  const connection = await connect({ servers: url })
  try {
    return (await (await connection.jetstreamManager()).streams.getMessage('KEPT', { seq: 1 })).string()
  } finally {
    await connection.close()
  }
}

test(
  'answers with JetStream once it has started, and is gone once stopped',
  withServer(async (server, dataDir) => {
    assert.is(server.url, `nats://127.0.0.1:${server.port}`)
    assert.equal(await probe('127.0.0.1', server.port), { version: server.version, jetstream: true })
    assert.match(await readFile(join(dataDir, 'nats-server.log'), 'utf8'), 'Server is ready')
    assert.is((await readFile(join(dataDir, 'nats-server.pid'), 'utf8')).trim(), String(server.pid))

    await Promise.all([server.stop(), server.stop()])
    assert.is(await server.exited, undefined)
    assert.not(lives(server.pid))
    assert.match(await readFile(join(dataDir, 'nats-server.log'), 'utf8'), 'Server Exiting')
    assert.not(existsSync(join(dataDir, 'nats-server.pid')))
    assert.is(await probe('127.0.0.1', server.port), undefined)
  }),
)

test(
  'has a process group of its own, which Ctrl-C does not reach',
  withServer(async (server) => {
    assert.ok(lives(-server.pid))
  }),
)

test(
  'keeps its data over a stop and a start',
  withServer(async (server, dataDir) => {
    await publish(server)
    await server.stop()
    const again = await startServer({ ...quiet, binary: binary ?? '', dataDir })
    try {
      assert.is(await read(again), 'the message')
    } finally {
      await again.stop()
    }
  }),
)

test(
  'is started again on the same port and data when it is killed',
  withServer(async (server, dataDir, lines) => {
    await publish(server)
    const { pid } = server
    process.kill(pid, 'SIGKILL')
    await until(() => server.pid !== pid)
    await until(async () => typeof (await probe('127.0.0.1', server.port)) === 'object')
    assert.is(await read(server), 'the message')
    assert.equal(lines, [`nats-server ended with SIGKILL: started again on port ${server.port}`])
    assert.is((await readFile(join(dataDir, 'nats-server.pid'), 'utf8')).trim(), String(server.pid))
  }),
)

test(
  'is given up when it dies three times in a row',
  withServer(async (server, _, lines) => {
    for (let death = 1; death <= 3; death++) {
      const { pid } = server
      process.kill(pid, 'SIGKILL')
      if (death < 3) await until(() => server.pid !== pid)
    }
    assert.match((await server.exited)?.message ?? '', /^nats-server ended with SIGKILL for the third time:\n/)
    assert.is(lines.length, 2)
    assert.not(lives(server.pid))
  }),
)

test(
  'is killed when SIGTERM does not end it',
  withServer(async (server) => {
    process.kill(server.pid, 'SIGSTOP')
    const since = Date.now()
    await server.stop()
    assert.ok(Date.now() - since >= 4_900)
    assert.not(lives(server.pid))
  }),
)

test(
  'is refused a data folder that a live one has',
  withServer(async (server, dataDir) => {
    assert.is(
      await refusal({ binary, dataDir }),
      `the data folder ${dataDir} is in use by the nats-server with the pid ${server.pid}`,
    )
    assert.ok(lives(server.pid))
    assert.is((await readFile(join(dataDir, 'nats-server.pid'), 'utf8')).trim(), String(server.pid))
  }),
)

for (const [name, pid] of [
  ['nobody', 2 ** 22 + 1],
  ['another program', process.pid],
] as const) {
  test(`takes no notice of a pid file that names ${name}`, () =>
    inFolder(async (dataDir) => {
      if (!binary) return
      await writeFile(join(dataDir, 'nats-server.pid'), `${pid}\n`)
      const server = await startServer({ ...quiet, binary, dataDir })
      await server.stop()
    }))
}

test('refuses a port that another program has', () =>
  inFolder(async (dataDir) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    assert.is(await refusal({ port, dataDir }), `127.0.0.1:${port} is taken by another program`)
    other.close()
  }))

test('fails at once, with its last words, when it does not start', () =>
  inFolder(async (dataDir) => {
    const dying = await script(join(dataDir, 'nats-server'), 'echo cannot do it; exit 7')
    const since = Date.now()
    assert.is(
      await refusal({ binary: dying, dataDir }),
      'nats-server ended with exit code 7, its last words:\ncannot do it',
    )
    assert.ok(Date.now() - since < 2_000)
  }))

test('fails when it does not answer', () =>
  inFolder(async (dataDir) => {
    const mute = await script(join(dataDir, 'nats-server'), 'echo $$; exec sleep 60')
    assert.match(
      await refusal({ binary: mute, dataDir, readyMs: 1_000 }),
      /did not answer within 1 s, its last words:\n\d+$/,
    )
    const pid = Number(/\d+/.exec(await readFile(join(dataDir, 'nats-server.log'), 'utf8'))?.[0])
    assert.not(lives(pid))
  }))

test('fails when there is no such program', () =>
  inFolder(async (dataDir) => {
    assert.match(
      await refusal({ binary: join(dataDir, 'none'), dataDir }),
      /^nats-server could not be started \(spawn \S+ ENOENT\)/,
    )
  }))

test('goes along with a process that ends without stopping it', () =>
  inFolder(async (dataDir) => {
    if (!binary) return
    const outfile = join(dataDir, 'forgetful.mjs')
    const contents = `
      import { startServer } from './embedded/server'
      const server = await startServer({ ...${JSON.stringify({ binary, dataDir })}, port: 0, log: console.log })
      process.stdout.write(String(server.pid), () => process.exit(1))`
    const stdin = { contents, resolveDir: process.cwd() }
    await build({ stdin, outfile, bundle: true, format: 'esm', platform: 'node' })
    const { stdout } = await execa(process.execPath, [outfile], { reject: false })
    assert.ok(Number(stdout) > 0, stdout)
    await until(() => !lives(Number(stdout)))
  }))

test.run()
