import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 as Validator } from 'ajv/dist/2020.js'
import * as assert from 'uvu/assert'
import { isConfiguration } from '../../runtime/errors'
import { FunctionEntry, Manifest, Policy, readManifest } from '../../runtime/manifest'
import { atEnd, suite } from '../support/suite'

const test = suite('the manifest')

const folder = mkdtempSync(join(tmpdir(), 'manifest-'))
atEnd(() => rmSync(folder, { recursive: true }))

type Json = Record<string, unknown>
interface Schema {
  properties: Json
  $defs: Record<string, { properties: Record<string, { description?: string; default?: unknown }> }>
}

const schema = JSON.parse(readFileSync('manifest.schema.json', 'utf8')) as Schema
const accepts = new Validator({ strict: true, strictRequired: false, allErrors: true }).compile(schema)

/** The runtime's own word on a manifest: undefined where it takes it. */
function refusal(text: string): Error | undefined {
  const path = join(folder, 'manifest.json')
  writeFileSync(path, text)
  try {
    readManifest(path)
    return undefined
  } catch (error) {
    return error as Error
  }
}

const policy = {
  ackWaitMs: 30_000,
  backoffMs: 250,
  concurrency: 64,
  from: 'all',
  maxDeliver: 20,
  ordered: false,
  timeoutMs: 30_000,
}
const nothing = { emits: [], requests: [], stores: [], ledgers: [], awaits: [] }
const entry = {
  name: 'a/b',
  file: 'functions/a/b.ts',
  bundle: 'b.mjs',
  mode: 'stream',
  subject: 'events.a',
  ...nothing,
  policy,
}
const manifest = { contracts: 'c.mjs', streams: { EVENTS: { subjects: ['events.*'] } }, functions: [entry] }

const withEntry = (changes: Json) => ({ ...manifest, functions: [{ ...entry, ...changes }] })
const withPolicy = (changes: Json) => withEntry({ policy: { ...policy, ...changes } })
const withStream = (changes: Json) => ({ ...manifest, streams: { EVENTS: { subjects: ['events.*'], ...changes } } })

test('of this project is what its schema and the runtime take', () => {
  const text = readFileSync('manifest.json', 'utf8')
  assert.ok(accepts(JSON.parse(text)), JSON.stringify(accepts.errors))
  assert.is(refusal(text), undefined)
  assert.match(text, /"\$schema": "\.\/manifest\.schema\.json"/)
})

const column = { type: 'text', path: 'a.b' }
const table = { key: 'id', columns: { status: column }, indexes: [['status', 'id']] }
const withTable = (changes: Json) => ({ ...manifest, tables: { orders: { ...table, ...changes } } })
const withColumn = (changes: Json) => withTable({ columns: { status: { ...column, ...changes } } })

const right: Record<string, object> = {
  'as small as can be': manifest,
  'of an http function without a subject': withEntry({ mode: 'http', subject: undefined }),
  'of an http function with its limits': withEntry({
    mode: 'http',
    subject: undefined,
    maxBodyBytes: 1,
    example: 'curl',
  }),
  'of an event function without a queue group': withEntry({ mode: 'event', subject: 'anything.at.all' }),
  'of an rpc function': withEntry({ mode: 'rpc', subject: 'rpc.a', queue: 'a' }),
  'of a job function': withEntry({ mode: 'job', queue: 'a-b_C' }),
  'with a policy at its limits': withPolicy({
    timeoutMs: 1,
    ackWaitMs: 1_000,
    maxDeliver: 1,
    backoffMs: [1, 2 ** 31 - 1],
  }),
  'with an age': withPolicy({ maxAgeMs: 2 ** 40, from: 'new' }),
  'for a replay alone': withPolicy({ replay: 'only' }),
  'that is not replayed': withPolicy({ replay: 'never' }),
  'with a stream of everything': withStream({ description: '', maxAgeMs: 0, maxBytes: -1, duplicateWindowMs: 1 }),
  'with a table': withTable({}),
  'with a table of nothing but keys': withTable({ columns: {}, indexes: undefined }),
  'with a column that is a word': withColumn({ path: undefined, first: [['a', 'b-c']], otherwise: 'd' }),
  'with a stream more': { ...manifest, streams: { ...manifest.streams, OTHER: { subjects: ['a.>', 'b'] } } },
}

for (const [name, value] of Object.entries(right)) {
  test(`${name} is taken by the schema and the runtime`, () => {
    assert.is(refusal(JSON.stringify(value)), undefined)
    assert.ok(accepts(JSON.parse(JSON.stringify(value))), JSON.stringify(accepts.errors))
  })
}

const missing = (from: object, field: string) =>
  Object.fromEntries(Object.entries(from).filter(([name]) => name !== field))

const wrong: [name: string, value: unknown, pointer: string][] = [
  ['that is a list', [manifest], '#'],
  ['that is null', null, '#'],
  ['with a field that nobody knows', { ...manifest, version: 1 }, '#/version'],
  ['whose functions are no list', { ...manifest, functions: { a: entry } }, '#/functions'],
  ['whose streams are a list', { ...manifest, streams: [{ subjects: ['events.*'] }] }, '#/streams'],
  ['with a stream of no subject', withStream({ subjects: [] }), '#/streams/EVENTS/subjects'],
  ['with a stream of an empty subject', withStream({ subjects: [''] }), '#/streams/EVENTS/subjects/0'],
  ['with a stream of a text', withStream({ subjects: 'events.*' }), '#/streams/EVENTS/subjects'],
  ['with a stream of half a millisecond', withStream({ maxAgeMs: 0.5 }), '#/streams/EVENTS/maxAgeMs'],
  ['with a stream of a negative age', withStream({ maxAgeMs: -1 }), '#/streams/EVENTS/maxAgeMs'],
  ['with a stream that has no window', withStream({ duplicateWindowMs: 0 }), '#/streams/EVENTS/duplicateWindowMs'],
  ['with a stream that has a field more', withStream({ replicas: 3 }), '#/streams/EVENTS/replicas'],
  ['with a function of no known mode', withEntry({ mode: 'cron' }), '#/functions/0/mode'],
  ['with an empty subject', withEntry({ subject: '' }), '#/functions/0/subject'],
  ['with no subject in mode stream', withEntry({ subject: undefined }), '#/functions/0'],
  ['with no subject in mode event', withEntry({ mode: 'event', subject: undefined }), '#/functions/0'],
  ['with no queue group in mode rpc', withEntry({ mode: 'rpc' }), '#/functions/0'],
  ['with no queue group in mode job', withEntry({ mode: 'job' }), '#/functions/0'],
  ['with a queue group of two words', withEntry({ queue: 'a b' }), '#/functions/0/queue'],
  ['with a subject that is none', withEntry({ subject: 5 }), '#/functions/0/subject'],
  ['with a function that has a field more', withEntry({ retries: 3 }), '#/functions/0/retries'],
  ['with a list that is none', withEntry({ emits: 'events.a' }), '#/functions/0/emits'],
  ['with a list of numbers', withEntry({ requests: [1] }), '#/functions/0/requests/0'],
  ['with a store that is no word', withEntry({ stores: ['a.b'] }), '#/functions/0/stores/0'],
  ['with a ledger that is no word', withEntry({ ledgers: [''] }), '#/functions/0/ledgers/0'],
  ['with a table of no key', withTable({ key: undefined }), '#/tables/orders/key'],
  ['with a table whose key is of the runtime', withTable({ key: 'revision' }), '#/tables/orders/key'],
  ['with a table that is no name', { ...manifest, tables: { 'a"b': table } }, '#/tables/a"b'],
  ['with a table in capitals', { ...manifest, tables: { Orders: table } }, '#/tables/Orders'],
  ['with a table that has a field more', withTable({ rows: 1 }), '#/tables/orders/rows'],
  ['with a column of no known type', withColumn({ type: 'float' }), '#/tables/orders/columns/status/type'],
  ['with a column of no path', withColumn({ path: "a'b" }), '#/tables/orders/columns/status/path'],
  ['with a column of no word', withColumn({ first: [['a', "b'"]] }), '#/tables/orders/columns/status/first/0/1'],
  ['with a column that has a field more', withColumn({ unique: true }), '#/tables/orders/columns/status/unique'],
  ['with a column that is no name', withTable({ columns: { 'a b': column } }), '#/tables/orders/columns/a b'],
  ['with an index of nothing', withTable({ indexes: [[]] }), '#/tables/orders/indexes/0'],
  ['with a body of nothing', withEntry({ maxBodyBytes: 0 }), '#/functions/0/maxBodyBytes'],
  ...['', 'a b', 'a.b', '/a', 'a/', 'a//b', '../a', 'ä', 'a\n'].map((name): [string, unknown, string] => [
    `with ${JSON.stringify(name)} for a name`,
    withEntry({ name }),
    '#/functions/0/name',
  ]),
  ...[
    { concurrency: 0 },
    { concurrency: 1.5 },
    { ordered: 'yes' },
    { timeoutMs: 0 },
    { timeoutMs: 2 ** 31 },
    { timeoutMs: null },
    { ackWaitMs: 999 },
    { ackWaitMs: 2 ** 31 },
    { maxDeliver: 0 },
    { maxAgeMs: 0 },
    { backoffMs: 0 },
    { backoffMs: [] },
    { backoffMs: 'soon' },
    { backoffMs: [0, 500] },
    { backoffMs: [250, 2 ** 31] },
    { from: 'start' },
    { replay: true },
    { retries: 3 },
  ].map((changes): [string, unknown, string] => {
    const [field] = Object.keys(changes)
    return [`with the policy ${JSON.stringify(changes)}`, withPolicy(changes), `#/functions/0/policy/${field}`]
  }),
  ...['contracts', 'streams', 'functions'].map((field): [string, unknown, string] => [
    `without ${field}`,
    missing(manifest, field),
    `#/${field}`,
  ]),
  ...Object.keys(missing(entry, 'subject')).map((field): [string, unknown, string] => [
    `with a function without ${field}`,
    { ...manifest, functions: [missing(entry, field)] },
    `#/functions/0/${field}`,
  ]),
  ...Object.keys(policy).map((field): [string, unknown, string] => [
    `with a policy without ${field}`,
    withEntry({ policy: missing(policy, field) }),
    `#/functions/0/policy/${field}`,
  ]),
]

for (const [name, value, pointer] of wrong) {
  test(`${name} is refused by both, the runtime in a line that names the file and the field`, () => {
    assert.is(accepts(JSON.parse(JSON.stringify(value))), false, 'the schema takes it')
    assertNames(refusal(JSON.stringify(value)), pointer)
  })
}

/** No schema can say these. */
const beyond: [name: string, value: unknown, says: string][] = [
  ['with an index on no column', withTable({ indexes: [['status', 'nothing']] }), 'that there are, not nothing'],
  ['with a key among the columns', withTable({ key: 'status', indexes: [] }), 'not to be among the columns'],
  [
    'whose function follows what no stream carries',
    withEntry({ subject: 'rpc.a' }),
    'config.subject rpc.a is in no stream',
  ],
  ['with a name twice', { ...manifest, functions: [entry, entry] }, '#/functions/1 (a/b): name stands twice'],
  [
    'with two names that make one durable',
    { ...manifest, functions: [entry, { ...entry, name: 'a__b' }] },
    '#/functions/1 (a__b): name stands twice, at #/functions/0 too',
  ],
]

for (const [name, value, says] of beyond) {
  test(`${name} is refused by the runtime`, () => assertNames(refusal(JSON.stringify(value)), says))
}

test('that is no JSON is refused in a line that names the file', () => assertNames(refusal('[\n manifest\n]'), 'JSON'))

test('that is not there is refused with the command that makes it', () => {
  assert.throws(
    () => readManifest(join(folder, 'nowhere.json')),
    /--manifest: cannot read .*nowhere\.json; node build\.mjs/,
  )
})

function assertNames(error: Error | undefined, says: string): void {
  if (!error) throw new Error('the runtime takes it')
  assert.ok(isConfiguration(error))
  assert.ok(error.message.startsWith(`${join(folder, 'manifest.json')}: `), error.message)
  assert.ok(error.message.includes(says), `${says} is not in ${error.message}`)
  assert.not.match(error.message, '\n')
}

test('has the same fields in the schema as in the runtime, each described', () => {
  const { function: ofFunction, policy: ofPolicy } = schema.$defs
  assert.equal(Object.keys(schema.properties).toSorted(), Object.keys(Manifest.schema).toSorted())
  assert.equal(Object.keys(ofFunction?.properties ?? {}).toSorted(), Object.keys(FunctionEntry.schema).toSorted())
  assert.equal(Object.keys(ofPolicy?.properties ?? {}).toSorted(), Object.keys(Policy.schema).toSorted())
  for (const { properties = {} } of Object.values(schema.$defs)) {
    for (const [field, { description }] of Object.entries(properties)) {
      assert.ok(description || field === 'policy', `${field} is not described`)
    }
  }
})

test('has the defaults in the schema that the runtime gives', () => {
  const told = Object.entries(schema.$defs.policy?.properties ?? {}).filter(([, field]) => 'default' in field)
  assert.equal(Object.fromEntries(told.map(([name, field]) => [name, field.default])), policy)
})

test.run()
