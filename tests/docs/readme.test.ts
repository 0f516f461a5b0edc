import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite'

const test = suite('what the documents say is so')

const readmes = ['README.md', 'README.ru.md']
const documents = [
  ...readmes,
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const manifest = JSON.parse(readFileSync('manifest.json', 'utf8')) as {
  streams: Record<string, unknown>
  functions: { name: string; mode: string; subject?: string }[]
}

/** The words of the diagrams: all else in a fenced block but its comments is the same in both. */
const inDiagrams = {
  дверь: 'the door',
  'один из группы': 'one of the group',
  история: 'history',
  статус: 'status',
  'нет курьера': 'no courier',
}
const comments: Record<string, RegExp> = { sh: /\s*(?<!\S)#\s.*$/, ts: /\s*(?<!\S)\/\/.*$/ }

/** What the operating system sets, for no person to choose. */
const ofTheSystem = ['PATH', 'Path', 'SystemRoot']

const read = (file: string) => readFileSync(file, 'utf8')
const fence = /^```(\w*)\n(.*?)^```$/gms
const prose = (file: string) => read(file).replaceAll(fence, '')
const named = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
const headings = (file: string) =>
  [...prose(file).matchAll(/^(#+) (.+)$/gm)].map(([, level = '', text = '']) => ({ level, text }))

/** The cells of every row, the tables' heads and rules among them. */
const rows = (file: string) =>
  [...prose(file).matchAll(/^\|(.*)\|$/gm)].map(([, cells = '']) => cells.split('|').map((cell) => cell.trim()))

function fencedBlocks(file: string): string[] {
  return [...read(file).matchAll(fence)].map(([, language = '', code = '']) => {
    const lines = code.split('\n').map((line) => line.replace(comments[language] ?? /$^/, ''))
    return `${language}\n${language === 'mermaid' ? inEnglish(lines.join('\n')) : lines.join('\n')}`
  })
}

function inEnglish(diagram: string): string {
  return Object.entries(inDiagrams).reduce((text, [russian, english]) => text.replaceAll(russian, english), diagram)
}

/** As GitHub makes them: lower case, no punctuation but - and _, a hyphen for each space, and a number for a repeat. */
function anchors(file: string): string[] {
  const known = new Map<string, number>()
  return headings(file).map(({ text }) => {
    const anchor = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-')
    const count = known.get(anchor) ?? 0
    known.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? sources(path) : /\.(ts|mjs)$/.test(path) ? [path] : []
  })
}

/** `env.X`, `env['X']`, `wholeNumber(env, 'X')`, `const { X } = env`, and a stream's own limits. */
function variablesRead(): string[] {
  const code = [
    ...['runtime', 'stores', 'provision', 'observe', 'tools', 'connect', 'embedded', 'functions'].flatMap(sources),
  ]
    .map(read)
    .join('\n')
  const ofStreams = [...code.matchAll(/\$\{stream\}(_[A-Z_]+)(?=`[\],])/g)].flatMap(([, rest]) =>
    Object.keys(manifest.streams).map((stream) => `${stream}${rest}`),
  )
  const unpacked = [...code.matchAll(/\{([^{}]*)\} = (?:process\.)?env\b/g)].flatMap(([, names = '']) =>
    names.split(',').flatMap((name) => name.match(/[A-Z][A-Z_]+/)?.[0] ?? []),
  )
  const direct = [...code.matchAll(/\benv\??(?:\.|\[')([A-Z]\w*)|\bwholeNumber\(\s*[\w.]*env,\s*'(\w+)'/g)].map(
    ([, field, argument]) => field ?? argument ?? '',
  )
  const all = new Set([...direct, ...unpacked, ...ofStreams])
  return [...all].filter((name) => !ofTheSystem.includes(name)).sort()
}

/** The table under the heading that stands where the English one is «Environment»; `JOBS_…` stands for what EVENTS has. */
function variablesTold(file: string): string[] {
  const position = headings('README.md').findIndex(({ text }) => text === 'Environment')
  const about = prose(file).split(/^## /m)[position]
  const told = [...(about ?? '').matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => named(cell))
  return told
    .flatMap((name) => {
      if (!name.endsWith('…')) return [name]
      return told
        .filter((other) => other.startsWith('EVENTS_'))
        .map((other) => other.replace('EVENTS_', name.slice(0, -1)))
    })
    .sort()
}

for (const file of readmes) {
  test(`${file}: its table of functions is the manifest's`, () => {
    const told = rows(file)
      .filter(([name = '']) => /^`[a-z_]+\/[a-z_]+`$/.test(name))
      .map(([name = '', mode = '', subject = '']) => `${name} ${mode} ${subject}`.trim())
    const are = manifest.functions.map(
      ({ name, mode, subject }) => `\`${name}\` ${mode}${subject ? ` \`${subject}\`` : ''}`,
    )
    assert.equal(told.toSorted(), are.toSorted())
  })

  test(`${file}: its table of variables is what the code reads`, () => {
    assert.equal(variablesTold(file), variablesRead())
  })

  test(`${file}: every npm script that it names is one`, () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const names = [...read(file).matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)].map(
      ([, run, own]) => run ?? own ?? '',
    )
    assert.ok(names.length > 0)
    assert.equal(
      names.filter((name) => !Object.hasOwn(scripts, name)),
      [],
    )
  })
}

test('the two READMEs have the same fenced blocks, apart from comments', () => {
  const [english = [], russian = []] = readmes.map(fencedBlocks)
  assert.ok(english.length > 0)
  assert.equal(russian, english)
})

test('the two READMEs have the same code in the same rows of tables', () => {
  const [english = [], russian = []] = readmes.map((file) =>
    rows(file).map((cells) => named(cells.join('|')).toSorted()),
  )
  assert.equal(russian, english)
})

test('the two READMEs have the same headings and rows of tables, by number and by shape', () => {
  const [english = [], russian = []] = readmes.map((file) => headings(file).map(({ level }) => level))
  assert.equal(russian, english)
  const [rowsInEnglish = [], rowsInRussian = []] = readmes.map((file) => rows(file).map((cells) => cells.length))
  assert.ok(rowsInEnglish.length > 0)
  assert.equal(rowsInRussian, rowsInEnglish)
})

for (const file of documents) {
  test(`${file}: every link leads somewhere`, () => {
    const text = prose(file).replaceAll(/`[^`\n]*`/g, '')
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
    const dead = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false
      const [path = '', anchor] = decodeURIComponent(link).split('#')
      const target = path === '' ? file : normalize(join(dirname(file), path))
      if (!existsSync(target)) return true
      return anchor !== undefined && !anchors(target).includes(anchor)
    })
    assert.equal(dead, [])
  })
}

test.run()
