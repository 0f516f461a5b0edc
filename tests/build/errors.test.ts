import * as assert from 'uvu/assert'
import { suite } from '../support/suite'
import { copyProject } from './project'

const test = suite('what the build says of a wrong function')

const handler = 'export default async () => {}'
const config = (fields: string) => `export const config = { ${fields} }\n${handler}\n`
const event = "subject: 'events.order_created', mode: 'event'"
const stream = "subject: 'events.order_created', mode: 'stream'"

interface Wrong {
  what: string
  file: string
  text: string
  says: RegExp
}

/** Found once all are bundled; each is a line that begins with the file. */
const misfits: Wrong[] = [
  {
    what: 'has no default export',
    file: 'functions/wrong/no_default.ts',
    text: `export const config = { ${event} }`,
    says: /no default export that is a function; write export default \(async \(body, context\) => .* satisfies Handler</,
  },
  {
    what: 'exports something else by default',
    file: 'functions/wrong/default_object.ts',
    text: `export const config = { ${event} }\nexport default { handler() {} }`,
    says: /no default export that is a function; write export default/,
  },
  {
    what: 'exports no config',
    file: 'functions/wrong/no_config.ts',
    text: handler,
    says: /exports no config; write export const config = \{ subject: '…', mode: '…' \} satisfies Config/,
  },
  {
    what: 'exports a config that is none',
    file: 'functions/wrong/config_text.ts',
    text: `export const config = 'events.order_created'\n${handler}`,
    says: /exports no config; write export const config/,
  },
  {
    what: 'has the name of another file',
    file: 'functions/wrong/twin.ts',
    text: config(event),
    says: /wrong\/twin.*functions\/wrong\/twin\.js.*rename one of them/,
  },
  {
    what: 'would share its durable consumer with another file',
    file: 'functions/wrong/durable__twin.ts',
    text: config(stream),
    says: /functions\/wrong\/durable\/twin\.ts.*rename one of them/,
  },
  {
    what: 'has a name that no durable consumer can have',
    file: 'functions/wrong/with space.ts',
    text: config(stream),
    says: /letters, digits, _ and -.*rename/,
  },
  {
    what: 'has a dot in its name',
    file: 'functions/wrong/v1.2.ts',
    text: config(event),
    says: /letters, digits, _ and -.*rename/,
  },
  {
    what: 'handles an event that has no contract',
    file: 'functions/wrong/subject_event.ts',
    text: config("subject: 'events.order_lost', mode: 'event'"),
    says: /config\.subject events\.order_lost has no contract; add 'events\.order_lost': message\(struct\) to a functions\/\*\/_contract\.ts/,
  },
  {
    what: 'handles a wildcard under which there is no contract',
    file: 'functions/wrong/subject_wildcard.ts',
    text: config("subject: 'news.*', mode: 'event'"),
    says: /config\.subject news\.\* has no contract/,
  },
  {
    what: 'serves a request that has no contract',
    file: 'functions/wrong/subject_rpc.ts',
    text: config("subject: 'rpc.lose_order', mode: 'rpc', queue: 'wrong'"),
    says: /config\.subject rpc\.lose_order has no contract; add 'rpc\.lose_order': request\(struct, struct\) to/,
  },
  {
    what: 'serves an event as if it were a request',
    file: 'functions/wrong/subject_event_as_rpc.ts',
    text: config("subject: 'events.order_created', mode: 'rpc', queue: 'wrong'"),
    says: /config\.subject events\.order_created has no contract; add .*: request\(struct, struct\)/,
  },
  {
    what: 'handles a request as if it were an event',
    file: 'functions/wrong/subject_rpc_as_event.ts',
    text: config("subject: 'rpc.create_order', mode: 'event'"),
    says: /config\.subject rpc\.create_order has no contract; add .*: message\(struct\)/,
  },
  {
    what: 'emits what has no contract',
    file: 'functions/wrong/emits.ts',
    text: config(`${event}, emits: ['events.order_created', 'events.order_lost']`),
    says: /config\.emits events\.order_lost has no contract; add 'events\.order_lost': message\(struct\) to/,
  },
  {
    what: 'gathers what is no batch',
    file: 'functions/wrong/gather.ts',
    text: config(`${event}, gatherMs: 50`),
    says: /config\.gatherMs is for a batch: set config\.batch as well/,
  },
  {
    what: 'emits a request',
    file: 'functions/wrong/emits_rpc.ts',
    text: config(`${event}, emits: ['rpc.create_order']`),
    says: /config\.emits rpc\.create_order has no contract; add/,
  },
  {
    what: 'emits a text in place of a list',
    file: 'functions/wrong/emits_text.ts',
    text: config(`${event}, emits: 'events.order_created'`),
    says: /config\.emits must be an array/,
  },
  {
    what: 'opens a store that is no text',
    file: 'functions/wrong/stores.ts',
    text: config(`${event}, stores: [5]`),
    says: /config\.stores\/0 must be a string/,
  },
  {
    what: 'requests what has no contract',
    file: 'functions/wrong/requests.ts',
    text: config(`${event}, requests: ['rpc.lose_order']`),
    says: /config\.requests rpc\.lose_order has no contract; add 'rpc\.lose_order': request\(struct, struct\) to/,
  },
  {
    what: 'follows in mode stream what no stream carries',
    file: 'functions/wrong/no_stream.ts',
    text: config("subject: 'weather.changed', mode: 'stream'"),
    says: /config\.subject weather\.changed is in no stream; add one that carries it to functions\/_streams\.ts/,
  },
  {
    what: 'takes jobs that no stream carries',
    file: 'functions/wrong/no_job_stream.ts',
    text: config("subject: 'weather.changed', mode: 'job', queue: 'wrong'"),
    says: /config\.subject weather\.changed is in no stream; add one/,
  },
  {
    what: 'serves requests without a queue group',
    file: 'functions/wrong/rpc_queue.ts',
    text: config("subject: 'rpc.create_order', mode: 'rpc'"),
    says: /config\.queue is required in mode rpc/,
  },
  {
    what: 'takes jobs without a queue group',
    file: 'functions/wrong/job_queue.ts',
    text: config("subject: 'jobs.notify_user', mode: 'job'"),
    says: /config\.queue is required in mode job/,
  },
  {
    what: 'has a queue group that is no word',
    file: 'functions/wrong/queue_space.ts',
    text: config("subject: 'jobs.notify_user', mode: 'job', queue: 'two words'"),
    says: /config\.queue must be/,
  },
  {
    what: 'has no subject',
    file: 'functions/wrong/no_subject.ts',
    text: config("mode: 'event'"),
    says: /config\.subject is required in mode event/,
  },
  {
    what: 'has no mode',
    file: 'functions/wrong/no_mode.ts',
    text: config("subject: 'events.order_created'"),
    says: /config\.mode is required/,
  },
  {
    what: 'has a mode that there is not',
    file: 'functions/wrong/mode.ts',
    text: config("subject: 'events.order_created', mode: 'strem'"),
    says: /config\.mode must be one of "rpc","event","job","stream","http"/,
  },
  {
    what: 'has a field that config does not know',
    file: 'functions/wrong/unknown_field.ts',
    text: config(`${event}, retries: 3`),
    says: /config\.retries is not a field of config; there are .*subject.*maxDeliver/,
  },
  {
    what: 'throws when it is loaded',
    file: 'functions/wrong/throws.ts',
    text: `${config(event)}throw new Error('on a Monday')`,
    says: /on a Monday/,
  },
  ...[
    ['concurrency', '0'],
    ['concurrency', "'many'"],
    ['ordered', "'yes'"],
    ['timeoutMs', '-1'],
    ['timeoutMs', '3_000_000_000'],
    ['ackWaitMs', '10'],
    ['maxDeliver', '1.5'],
    ['maxAgeMs', '0'],
    ['backoffMs', '[]'],
    ['backoffMs', '[250, 0]'],
    ['backoffMs', '0'],
    ['from', "'yesterday'"],
  ].map(([field = '', value], index) => ({
    what: `asks for ${field} ${value}`,
    file: `functions/wrong/policy_${index}.ts`,
    text: config(`${stream}, ${field}: ${value}`),
    says: new RegExp(`config\\.${field}(/1)? (must be|is required)`),
  })),
]

/** Found while they are bundled. */
const unbuildable: Wrong[] = [
  {
    what: 'is no TypeScript',
    file: 'functions/wrong/syntax.ts',
    text: 'export const config = {\nexport default',
    says: /^functions\/wrong\/syntax\.ts:2: /,
  },
  {
    what: 'imports what is not there',
    file: 'functions/wrong/import.ts',
    text: `import { nothing } from './nowhere'\n${config(event)}nothing()`,
    says: /^functions\/wrong\/import\.ts:1: .*nowhere/,
  },
  ...[
    "import 'nats'",
    "import { connect } from 'nats'",
    "await import('nats')",
    "import 'nats/lib/src/mod.js'",
    "import '@nats-io/jetstream'",
  ].map((statement, index) => ({
    what: `says ${statement}`,
    file: `functions/wrong/nats_${index}.ts`,
    text: `${statement}\n${config(event)}`,
    says: new RegExp(
      `^functions/wrong/nats_${index}\\.ts:1: imports nats; a function reaches the broker through its context alone$`,
    ),
  })),
  {
    what: 'reaches for nats through the runtime',
    file: 'functions/wrong/nats_runtime.ts',
    text: `import { connect } from '../../runtime/nats/connection'\n${config(event)}connect`,
    says: /^runtime\/nats\/\w+\.ts:\d+: imports nats; a function reaches the broker/,
  },
]

const beside = [
  { file: 'functions/wrong/twin.js', text: config(event) },
  { file: 'functions/wrong/durable/twin.ts', text: config(stream) },
  {
    file: 'functions/wrong/_contract.ts',
    text: `import { object } from 'superstruct'
import { message } from '../../runtime/types'
export default { 'weather.changed': message(object({})) }`,
  },
]

/** All wrong files of a kind in one project and one build: each has its own line. */
async function build(wrongs: Wrong[]): Promise<{ exitCode?: number; lines: string[]; wrote: boolean }> {
  const project = copyProject()
  for (const { file, text } of [...beside, ...wrongs]) project.write(file, text)
  const before = project.read('manifest.json')
  const { exitCode, stderr } = await project.build()
  return { exitCode, lines: stderr.split('\n'), wrote: project.read('manifest.json') !== before }
}

for (const [wrongs, lineOf] of [
  [misfits, (lines: string[], file: string) => lines.find((line) => line.startsWith(`${file}: `))],
  [unbuildable, (lines: string[], _: string, says: RegExp) => lines.find((line) => says.test(line))],
] as const) {
  const outcome = build(wrongs)

  for (const { what, file, says } of wrongs) {
    test(`a file that ${what} is named, with what to write`, async () => {
      const { lines } = await outcome
      const line = lineOf(lines, file, says)
      assert.ok(line, `nothing said of ${file} in\n${lines.join('\n')}`)
      assert.match(line ?? '', says)
    })
  }

  test(`of ${wrongs.length} wrong files each has one line, the build exits 1 and writes no manifest`, async () => {
    const { exitCode, lines, wrote } = await outcome
    assert.is(exitCode, 1)
    assert.is(lines.length, wrongs.length, lines.join('\n'))
    assert.is(wrote, false)
  })
}

test('a table that cannot be one is named, with its field', async () => {
  const project = copyProject()
  const tables = "{ orders: { key: 'order_id', columns: { Status: { type: 'text' } } } }"
  project.write('functions/_tables.ts', `export default ${tables}\n`)
  const { exitCode, stderr } = await project.build()
  assert.is(exitCode, 1)
  assert.match(
    stderr,
    /^functions\/_tables\.ts: orders\/columns\/Status must be a name of lower-case letters, digits and _$/,
  )
})

test.run()
