import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite'
import { climb, fakeServer, inFolder, script } from './fixtures'

const test = suite('official release')
const kept = 'nats-server-linux-x64'
const stem = 'nats-server-v2.12.8-linux-amd64'

/** A release with one asset for linux-x64, served by `serve`; what it climbs to and what is in the cache then. */
async function fetched(archive: Buffer, serve: RequestListener, cacheDir: string, overrides = {}) {
  const server = createServer(serve).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sha256 = createHash('sha256').update(archive).digest('hex')
  try {
    const outcome = await climb(['official release'], {
      platform: 'linux',
      arch: 'x64',
      cacheDir,
      env: process.env,
      releaseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      releases: { 'linux-x64': ['linux-amd64.tar.gz', sha256] },
      stallMs: 300,
      ...overrides,
    })
    return { ...outcome, line: outcome.lines.join('\n'), cache: await readdir(cacheDir).catch(() => []) }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

async function archiveOf(folder: string, version: string): Promise<Buffer> {
  await fakeServer(join(folder, stem, 'nats-server'), version)
  execFileSync('tar', ['-czf', 'archive.tar.gz', stem], { cwd: folder })
  return readFile(join(folder, 'archive.tar.gz'))
}

test('is fetched, checked and kept', () =>
  inFolder(async (folder) => {
    const archive = await archiveOf(folder, '2.12.8')
    const asked: (string | undefined)[] = []
    const cacheDir = join(folder, 'cache')
    const { found, line, cache } = await fetched(
      archive,
      ({ url }, response) => {
        asked.push(url)
        response.end(archive)
      },
      cacheDir,
    )
    assert.is(line, '')
    assert.equal(found, { path: join(cacheDir, kept), version: '2.12.8', how: 'official release' })
    assert.equal(asked, [`/v2.12.8/${stem}.tar.gz`])
    assert.equal(cache, [kept])
    assert.is((await climb(['cache'], { platform: 'linux', arch: 'x64', cacheDir })).found?.path, found?.path)
  }))

test('is fetched by two runs at once', () =>
  inFolder(async (folder) => {
    const archive = await archiveOf(folder, '2.12.8')
    const one = () => fetched(archive, (_, response) => void response.end(archive), join(folder, 'cache'))
    for (const { found } of await Promise.all([one(), one(), one()])) assert.is(found?.version, '2.12.8')
    assert.equal(await readdir(join(folder, 'cache')), [kept])
  }))

test('replaces a binary in the cache that does not run', () =>
  inFolder(async (folder) => {
    const archive = await archiveOf(folder, '2.12.8')
    await script(join(folder, 'cache', kept), 'exit 1')
    const { found } = await fetched(archive, (_, response) => void response.end(archive), join(folder, 'cache'))
    assert.is(found?.version, '2.12.8')
  }))

const failures: { name: string; serve(archive: Buffer): RequestListener; line: RegExp }[] = [
  {
    name: 'a wrong checksum',
    serve: (archive) => (_, response) => void response.end(Buffer.concat([archive, Buffer.from('!')])),
    line: /linux-amd64.tar.gz has the SHA-256 [0-9a-f]{64}, not the pinned [0-9a-f]{64}$/,
  },
  {
    name: 'a download cut off',
    serve: (archive) => (_, response) => {
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, 100), () => response.destroy())
    },
    line: /UND_ERR_SOCKET$/,
  },
  {
    name: 'a download that ends early and looks whole',
    serve: (archive) => (_, response) => void response.end(archive.subarray(0, 100)),
    line: /not the pinned/,
  },
  {
    name: 'a download that stalls',
    serve: (archive) => (_, response) => {
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, 100))
    },
    line: /nothing came for 300 ms$/,
  },
  { name: 'a host that is silent', serve: () => () => {}, line: /nothing came for 300 ms$/ },
  {
    name: 'an asset that is gone',
    serve: () => (_, response) => void response.writeHead(404).end(),
    line: /status 404$/,
  },
]

for (const { name, serve, line: expected } of failures) {
  test(`${name} is told in one line and leaves nothing`, () =>
    inFolder(async (folder) => {
      const archive = await archiveOf(folder, '2.12.8')
      const { found, line, cache } = await fetched(archive, serve(archive), join(folder, 'cache'))
      assert.is(found, undefined)
      assert.match(line, /^official release: [^\n]+$/)
      assert.match(line, expected)
      assert.equal(cache, [])
    }))
}

test('is refused when it holds an old server', () =>
  inFolder(async (folder) => {
    const archive = await archiveOf(folder, '2.8.4')
    const { line, cache } = await fetched(archive, (_, response) => void response.end(archive), join(folder, 'cache'))
    assert.match(line, /is 2\.8\.4, too old/)
    assert.equal(cache, [])
  }))

test('says that nobody listens', () =>
  inFolder(async (cacheDir) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const releaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.close()
    await once(server, 'close')
    const { line } = await fetched(Buffer.from(''), () => {}, cacheDir, { releaseUrl })
    assert.is(line, `official release: ${releaseUrl}/v2.12.8/${stem}.tar.gz: ECONNREFUSED`)
  }))

const pins = [
  ['darwin', 'arm64', 'darwin-arm64.tar.gz'],
  ['darwin', 'x64', 'darwin-amd64.tar.gz'],
  ['linux', 'arm', 'linux-arm6.tar.gz'],
  ['linux', 'arm64', 'linux-arm64.tar.gz'],
  ['linux', 'ppc64', 'linux-ppc64le.tar.gz'],
  ['linux', 's390x', 'linux-s390x.tar.gz'],
  ['linux', 'x64', 'linux-amd64.tar.gz'],
  ['win32', 'arm64', 'windows-arm64.zip'],
  ['win32', 'x64', 'windows-amd64.zip'],
] as const

for (const [platform, arch, suffix] of pins) {
  test(`${platform}-${arch} is pinned to ${suffix}`, () =>
    inFolder(async (cacheDir) => {
      let asked = ''
      const { line } = await fetched(
        Buffer.from(''),
        ({ url = '' }, response) => {
          asked = url
          response.end('foreign')
        },
        cacheDir,
        { platform, arch, releases: undefined },
      )
      assert.is(asked, `/v2.12.8/nats-server-v2.12.8-${suffix}`)
      assert.match(line, /not the pinned [0-9a-f]{64}$/)
    }))
}

test('says where none is pinned', () =>
  inFolder(async (cacheDir) => {
    const { line } = await fetched(Buffer.from(''), () => {}, cacheDir, { platform: 'sunos', releases: undefined })
    assert.is(line, 'official release: no pinned release for sunos-x64')
  }))

test.run()
