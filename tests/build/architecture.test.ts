import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import { suite } from '../support/suite'
import { list } from './project'

const test = suite('the three parts know what they may')

const sources = (folder: string) =>
  list(folder)
    .filter((path) => /\.m?[jt]s$/.test(path))
    .map((path) => ({ path: `${folder}/${path}`, text: readFileSync(`${folder}/${path}`, 'utf8') }))

const functions = sources('functions')
const runtime = sources('runtime')

const importsNats = /(from|import|require)\s*\(?\s*['"](nats|@nats-io)(\/[^'"]*)?['"]/

test('no function imports nats', () => {
  assert.ok(functions.length > 20)
  assert.equal(
    functions.filter(({ text }) => importsNats.test(text)).map(({ path }) => path),
    [],
  )
})

test('at most a handful of files of the runtime do, so that the client can be changed', () => {
  const importing = runtime.filter(({ text }) => importsNats.test(text)).map(({ path }) => path)
  assert.ok(importing.length > 0 && importing.length <= 5, importing.join())
  assert.ok(
    importing.every((path) => path.startsWith('runtime/nats/')),
    importing.join(),
  )
})

test('no function reaches into the runtime’s side of the broker', () => {
  const reaching = functions.filter(({ text }) => /from '[^']*runtime\/(nats|modes|store|ports|host|invoke)/.test(text))
  assert.equal(
    reaching.map(({ path }) => path),
    [],
  )
})

test('the runtime imports no function', () => {
  assert.equal(
    runtime.filter(({ text }) => /from '[^']*functions\//.test(text)).map(({ path }) => path),
    [],
  )
})

test('the runtime names no business subject, and no event by its type', () => {
  const subjects = Object.keys(contracts)
  const types = subjects.map((subject) => subject.slice(subject.indexOf('.') + 1)).filter((type) => type.includes('_'))
  for (const { path, text } of runtime) {
    for (const name of [...subjects, ...types]) assert.not.ok(text.includes(name), `${path} names ${name}`)
    assert.not.match(text, /['"`](events|jobs|rpc)\.[a-z*>]/, path)
  }
})

test('the runtime names no service, status or stream of the orders', () => {
  const words = [
    'inventory',
    'payment',
    'courier',
    'notification',
    'audit',
    'gateway',
    'EVENTS',
    'JOBS',
    'order_id',
    'sku',
  ]
  for (const { path, text } of runtime) {
    const code = text.replaceAll(/^\s*(\*|\/\/|\/\*\*).*$/gm, '')
    for (const word of words) assert.not.match(code, new RegExp(`['"\`.]${word}\\b`), path)
  }
})

const onAMessagesPath = (path: string) =>
  path.startsWith('runtime/modes/') ||
  ['invoke.ts', 'envelope.ts', 'nats/mux.ts'].includes(path.replace('runtime/', ''))

/** Lines of each folder of the runtime; its own files stand under `.`. */
function linesByPart(files: typeof runtime): Record<string, number> {
  const lines: Record<string, number> = {}
  for (const { path, text } of files) {
    const [, folder = '.'] = /^runtime\/([^/]+)\//.exec(path) ?? []
    lines[folder] = (lines[folder] ?? 0) + text.split('\n').length - 1
  }
  return lines
}

const sum = (lines: Record<string, number>) => Object.values(lines).reduce((total, part) => total + part, 0)

test('the runtime has under 3,000 lines', () => {
  const parts = linesByPart(runtime)
  console.log(`\nlines of runtime/: ${JSON.stringify(parts)}, together ${sum(parts)}`)
  assert.ok(sum(parts) < 3_000, JSON.stringify(parts))
})

test('what a message passes through has under 1,200', () => {
  const parts = linesByPart(runtime.filter(({ path }) => onAMessagesPath(path)))
  console.log(`\nlines on a message’s path: ${JSON.stringify(parts)}, together ${sum(parts)}`)
  assert.ok(sum(parts) > 0 && sum(parts) < 1_200, JSON.stringify(parts))
})

test.run()
