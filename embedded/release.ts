import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Executable, keep, type Machine, program } from './executable'

export const pinned = '2.12.8'

/**
 * The sums of the release's SHA256SUMS, as published again by nats-io/nats-docker (Linux, Windows x64),
 * cashapp/hermit-packages (macOS, Linux x64 and arm64) and ScoopInstaller/Main (Windows).
 */
const releases: Machine['releases'] = {
  'darwin-arm64': ['darwin-arm64.tar.gz', '4556a7f617eb532587790344629a6a95261099b236524b764d1f10d6c14aba1a'],
  'darwin-x64': ['darwin-amd64.tar.gz', '8880e133f45c6974468d351425db9a73ffe3b569850cad2bfbaa349d80939a7f'],
  'linux-arm': ['linux-arm6.tar.gz', '10bbd0cc9648c305bc524f63372f6689004d507273b923782299249116d69306'],
  'linux-arm64': ['linux-arm64.tar.gz', '7d20e93c23924cdd5cb6ec51c92f9478c97f9c8a0dbe049dd7ab88af115d622c'],
  'linux-ppc64': ['linux-ppc64le.tar.gz', '20d693ceffaf09e79180ad4e1d9411a90fe9791d5aaf1c0f94d6c8b8706824b9'],
  'linux-s390x': ['linux-s390x.tar.gz', '7c654954abd640c61cb1805274a7c69502570b71f0b515565cdf52f9303e39fc'],
  'linux-x64': ['linux-amd64.tar.gz', '6abc397684567e133649688a13564ad6de786d64e88253fbb4f6a3aa8c2fca63'],
  'win32-arm64': ['windows-arm64.zip', 'a7691ee3168c2b6b4dd586ceb46b5b2991afd416802c57951885a8899f16d434'],
  'win32-x64': ['windows-amd64.zip', '61836ff8d0cecbb773faf7daa22f5212b7ed3ab5a0c58c12b013d67d64edd6cc'],
}

/** Checked against its pinned sum before it is unpacked. */
export async function officialRelease(machine: Machine): Promise<Executable> {
  const { env, platform, arch, releaseUrl = 'https://github.com/nats-io/nats-server/releases/download' } = machine
  const release = (machine.releases ?? releases)?.[`${platform}-${arch}`]
  if (!release) throw new Error(`no pinned release for ${platform}-${arch}`)
  const [suffix, sha256] = release
  const asset = `nats-server-v${pinned}-${suffix}`
  return keep(machine, async (folder, run) => {
    const archive = await download(`${releaseUrl}/v${pinned}/${asset}`, machine.stallMs ?? 8_000)
    const sum = createHash('sha256').update(archive).digest('hex')
    if (sum !== sha256) throw new Error(`${asset} has the SHA-256 ${sum}, not the pinned ${sha256}`)
    await writeFile(join(folder, asset), archive)
    // Windows' own tar reads .zip; one that comes first on the PATH may not.
    const tar = platform === 'win32' ? join(env.SystemRoot ?? '', 'System32', 'tar.exe') : 'tar'
    await run(tar, [asset.endsWith('.zip') ? '-xf' : '-xzf', asset], 30)
    return program(join(folder, asset.replace(/\.zip$|\.tar\.gz$/, '')), machine)
  })
}

/** May take long, but gives up as soon as nothing comes for `stallMs`. */
async function download(url: string, stallMs: number): Promise<Buffer> {
  const stalled = new AbortController()
  const timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${stallMs} ms`)), stallMs)
  try {
    const response = await fetch(url, { signal: stalled.signal })
    if (!response.ok) throw new Error(`status ${response.status}`)
    const chunks: Uint8Array[] = []
    for await (const chunk of response.body ?? []) {
      timer.refresh()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string; message?: string } }
    throw new Error(`${url}: ${cause?.code ?? cause?.message ?? message}`)
  } finally {
    clearTimeout(timer)
  }
}
