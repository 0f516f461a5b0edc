// Breaks one thing on purpose, each in a copy of the project, and shows that the crash explorer goes red for it.
//   npm run crash:broken
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
// Below the project, so that its packages are found.
const copy = join(root, 'dist/broken')

const breaks = JSON.parse(readFileSync(join(root, 'bench/crash/breaks.json'), 'utf8'))

const git = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
const files = git.stdout.split('\n').filter(Boolean)

function run(args) {
  return spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env: process.env })
}

/** Whether the explorer finds it, and its words. */
function tryOne({ file, from, to, point }) {
  rmSync(copy, { recursive: true, force: true })
  for (const path of files) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(root, path), join(copy, path))
  }
  if (existsSync(join(root, '.cache'))) symlinkSync(join(root, '.cache'), join(copy, '.cache'))
  const text = readFileSync(join(copy, file), 'utf8')
  if (!text.includes(from)) throw new Error(`${file} no longer has: ${from}`)
  writeFileSync(join(copy, file), text.replace(from, to))
  const built = run(['build.mjs', '--failpoints'])
  if (built.status !== 0) throw new Error(built.stderr)
  const explored = run(['bench/run.mjs', 'crash', '--seed', '1', '--times', '8', '--point', point])
  return { isRed: explored.status === 1 && explored.stdout.includes('FAIL '), said: explored.stdout + explored.stderr }
}

let green = 0
for (const one of breaks) {
  const { isRed, said } = tryOne(one)
  if (!isRed) green++
  console.log(`${isRed ? 'red  ' : 'GREEN'} ${one.what}`)
  const faults = said.split('\n').filter((line) => /^ {7}\S/.test(line))
  console.log(isRed ? faults.slice(0, 3).join('\n') : said)
}
rmSync(copy, { recursive: true, force: true })
console.log(`\n${breaks.length - green} of ${breaks.length} are found`)
process.exit(green === 0 ? 0 : 1)
