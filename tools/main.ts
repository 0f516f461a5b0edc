import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json'
import { configuration, isConfiguration } from '../runtime/errors'
import { readManifest } from '../runtime/manifest'
import { flagsOf } from './flags'
import { list } from './list'
import { say } from './say'
import { select } from './select'
import { help, tools } from './tools'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

main().catch((error) => {
  process.stderr.write(isConfiguration(error) ? `${error.message}\n` : `${error?.stack ?? error}\n`)
  process.exit(isConfiguration(error) ? 2 : 1)
})

async function main(): Promise<void> {
  const [word = '', ...rest] = process.argv.slice(2)
  const tool = Object.hasOwn(tools, word) ? tools[word] : undefined
  if (tool) return process.exit(await (await tool()).run(rest, { root, env: process.env, say }))
  if (word && !word.startsWith('-')) {
    throw configuration(`${word}: no such command; there are ${Object.keys(tools).join(', ')}; see node runtime --help`)
  }
  const { values: flags } = flagsOf([], process.argv.slice(2), {
    only: { type: 'string' },
    except: { type: 'string' },
    manifest: { type: 'string' },
    embedded: { type: 'boolean' },
    'bind-only': { type: 'boolean' },
    list: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  })
  if (flags.help) return say(help)
  if (flags.version) return say(packageJson.version)
  const path = flags.manifest ?? resolve(root, 'manifest.json')
  const manifest = readManifest(path)
  const selected = select(manifest, flags.only, flags.except)
  if (flags.list) return say(list(selected))
  const { run } = await import('./run')
  await run({
    manifest,
    root: dirname(resolve(path)),
    home: root,
    selected,
    embedded: flags.embedded ?? false,
    bindOnly: flags['bind-only'] ?? false,
    env: process.env,
  })
}
