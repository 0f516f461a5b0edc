import { execa } from 'execa'
import * as assert from 'uvu/assert'
import { type Broker, startBroker } from '../support/broker'
import { runFunctions } from '../support/host'
import { type Context, type Note, notes } from '../support/notes'
import { atEnd, suite } from '../support/suite'
import { runTool } from '../support/tool'
import { eventually } from '../support/wait'
import { openWire } from '../support/wire'

const test = suite('node runtime call and tail')

let shared: Promise<Broker> | undefined
const start = () => {
  shared ??= startBroker().then(async (broker) => {
    await runFunctions(broker, {
      contracts: notes('rpc.double', 'rpc.refuse', 'rpc.fail'),
      functions: {
        'a/double': { mode: 'rpc', subject: 'rpc.double', queue: 'a', handler: ({ n }: Note) => ({ n: 2 * n }) },
        'a/refuse': {
          mode: 'rpc',
          subject: 'rpc.refuse',
          queue: 'a',
          handler: (_: Note, { reject }: Context) => reject(409, 'Not now.'),
        },
        'a/fail': {
          mode: 'rpc',
          subject: 'rpc.fail',
          queue: 'a',
          handler: () => {
            throw new Error('secret')
          },
        },
      },
    })
    return broker
  })
  return shared
}

test('a reply is one line on stdout', async () => {
  assert.equal(await runTool(await start(), ['call', 'rpc.double', '{"n":21}']), {
    exitCode: 0,
    stdout: '{"n":42}',
    stderr: '',
  })
})

for (const [subject, json, stderr, stdout] of [
  ['rpc.refuse', '{"n":1}', '409: Not now.', '{"error":{"code":409,"message":"Not now."}}'],
  ['rpc.fail', '{"n":1}', '500: The service failed.', '{"error":{"code":500,"message":"The service failed."}}'],
  [
    'rpc.double',
    '{"n":"x"}',
    '400: #/n must be an integer',
    '{"error":{"code":400,"message":"#/n must be an integer","errors":[{"pointer":"#/n","detail":"must be an integer"}]}}',
  ],
  ['rpc.nobody', '{}', 'nobody answers on rpc.nobody', ''],
] as const) {
  test(`an error reply of ${subject} to ${json}: exit code 1, and why on stderr`, async () => {
    assert.equal(await runTool(await start(), ['call', subject, json]), { exitCode: 1, stdout, stderr })
  })
}

for (const [args, line] of [
  [['call'], 'call: one subject and one JSON; see node runtime call --help'],
  [['call', 'rpc.double', '{n:1}'], /^JSON: .+$/],
  [['call', 'rpc.*', '{}'], 'SUBJECT: not a subject to ask: rpc.*'],
  [['call', 'rpc.double', '{}', '--timeout', 'soon'], '--timeout: a whole number from 1, not soon'],
  [['call', 'rpc.double', '{}', '--loud'], "Unknown option '--loud'; see node runtime call --help"],
  [['tail'], 'tail: one subject; see node runtime tail --help'],
] as const) {
  test(`${args.join(' ')}: exit code 2 and one line`, async () => {
    const { exitCode, stdout, stderr } = await runTool(await start(), [...args])
    assert.equal({ exitCode, stdout }, { exitCode: 2, stdout: '' })
    if (typeof line === 'string') assert.is(stderr, line)
    else assert.match(stderr, line)
  })
}

test('a server that is not there: exit code 2 within seconds', async () => {
  const { exitCode, stderr } = await runTool({ url: 'nats://127.0.0.1:1' }, ['call', 'rpc.double', '{}'])
  assert.equal({ exitCode, stderr }, { exitCode: 2, stderr: 'NATS_URL: nothing answers at nats://127.0.0.1:1' })
})

test('tail: a line for each message, whatever its bytes, until it is told to end', async () => {
  const broker = await start()
  const wire = await openWire(broker)
  const child = execa('node', ['runtime', 'tail', 'some.>'], {
    extendEnv: false,
    reject: false,
    env: { PATH: process.env.PATH, NATS_URL: broker.url },
  })
  atEnd(() => child.kill('SIGKILL'))
  let told = ''
  let said = ''
  child.stdout.on('data', (chunk) => {
    told += chunk
  })
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  await eventually('it to listen', () => said.includes('listening on some.>'))
  await wire.send('some.thing', { n: 1 }, { 'Nats-Msg-Id': 'first' })
  await wire.send('some.other', Buffer.from('no\njson'))
  await eventually('two lines', () => told.split('\n').length > 2)
  const lines = told.trim().split('\n')
  assert.match(lines[0] as string, /^\d{4}-.*Z {2}some\.thing {2}first {2}\{"n":1\}$/)
  assert.match(lines[1] as string, /^\d{4}-.*Z {2}some\.other {2}- {2}no json$/)
  child.kill('SIGTERM')
  assert.is((await child).exitCode, 0)
})

test.run()
