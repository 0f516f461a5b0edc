import { configuration } from '../runtime/errors'
import { contractEntry } from './templates'

const widest = 120

interface Needed {
  mode: string
  subject: string
}

/** The text of a contract with one subject more; refuses, naming the file, what is not written as `export default { … }`. */
export function withSubject(text: string, wanted: Needed, file: string): string {
  const structs = wanted.mode === 'rpc' ? ['boolean', 'object'] : ['object']
  const kind = wanted.mode === 'rpc' ? 'request' : 'message'
  const listed = withEntry(text, contractEntry(wanted))
  if (listed === undefined) {
    throw configuration(
      `${file}: what it exports is not written as export default { … }; add to it by hand: ${contractEntry(wanted)}`,
    )
  }
  const module = /from '([^']*runtime\/types)'/.exec(text)?.[1] ?? '../../runtime/types'
  return withImport(withImport(listed, module, [kind]), 'superstruct', structs)
}

function withEntry(text: string, entry: string): string | undefined {
  const inLines = /^export default \{\n([\s\S]*?)^\}/m.exec(text)
  if (inLines) {
    const [whole, lines = ''] = inLines
    const last = lines.trimEnd()
    if (last !== '' && !last.endsWith(',') && /\/\/[^'"\n]*$|\*\/$/.test(last)) return undefined
    const before = last === '' || last.endsWith(',') ? last : `${last},`
    const filled = `export default {\n${before === '' ? '' : `${before}\n`}  ${entry},\n}`
    return text.replace(whole, () => filled)
  }
  const inOne = /^export default \{ ?(.*?),? ?\}(?= satisfies |;?$)/m.exec(text)
  if (!inOne) return undefined
  const [whole, entries = ''] = inOne
  return text.replace(whole, () => `export default { ${entries === '' ? '' : `${entries}, `}${entry} }`)
}

/** Adds what is missing to the import that is there, or an import. */
function withImport(text: string, module: string, names: string[]): string {
  const found = [...text.matchAll(/^import \{([^}]*)\} from '([^']*)'/gm)].find(([, , from]) => from === module)
  if (!found) return `import { ${names.join(', ')} } from '${module}'\n${text}`
  const [whole, list = ''] = found
  const known = list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  const missing = names.filter((name) => !known.includes(name))
  if (missing.length === 0) return text
  const plain = (name: string) => name.replace(/^type /, '').toLowerCase()
  const all = [...known, ...missing].toSorted((one, other) => (plain(one) < plain(other) ? -1 : 1))
  const line = `import { ${all.join(', ')} } from '${module}'`
  const broken = `import {\n${all.map((name) => `  ${name},\n`).join('')}} from '${module}'`
  return text.replace(whole, () => (line.length <= widest ? line : broken))
}
