import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultPolicy, type FunctionEntry, type Manifest, type Policy } from '../../runtime/manifest'
import { atEnd } from './suite'

interface SourceFunction extends Partial<Omit<FunctionEntry, 'name' | 'policy'>> {
  mode: FunctionEntry['mode']
  policy?: Partial<Policy>
  /** The text of its bundle. */
  source: string
}

/** A manifest with its bundles in a folder of its own, for `node runtime --manifest`; any body is valid. Its path. */
export async function manifestFolder(
  functions: Record<string, SourceFunction>,
  streams: Manifest['streams'] = { EVENTS: { subjects: ['events.*'] }, JOBS: { subjects: ['jobs.*'] } },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'manifest-'))
  atEnd(() => rm(folder, { recursive: true, force: true }))
  const entries: FunctionEntry[] = []
  const contracts: string[] = []
  for (const [name, { source, policy, ...rest }] of Object.entries(functions)) {
    const bundle = `${name.replaceAll('/', '_')}.mjs`
    const lists = { emits: [], requests: [], stores: [], ledgers: [], awaits: [] }
    entries.push({ name, file: bundle, bundle, ...lists, ...rest, policy: { ...defaultPolicy, ...policy } })
    await writeFile(join(folder, bundle), source)
    const any = '{ validate: (value) => [undefined, value] }'
    if (!rest.subject) continue
    const contract = rest.mode === 'rpc' ? `{ request: ${any}, reply: ${any} }` : `{ body: ${any} }`
    contracts.push(`${JSON.stringify(rest.subject)}: ${contract}`)
  }
  await writeFile(join(folder, 'contracts.mjs'), `export const contracts = { ${contracts.join(', ')} }\n`)
  const path = join(folder, 'manifest.json')
  await writeFile(path, JSON.stringify({ contracts: 'contracts.mjs', streams, functions: entries }))
  return path
}
