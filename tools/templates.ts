import type { Wanted } from './new'

/** A handler of the right shape for its mode, to be filled in. */
export function functionText({ mode, subject, queue }: Wanted, up: string): string {
  const fields = [
    `mode: '${mode}'`,
    ...(subject ? [`subject: '${subject}'`] : []),
    ...(queue ? [`queue: '${queue}'`] : []),
  ]
  return `import type { Config, Handler } from '${up}/_contracts'

export const config = { ${fields.join(', ')} } satisfies Config

${handlers[mode]} satisfies Handler<typeof config>
`
}

const handlers = {
  rpc: `export default (async (request, { log }) => {
  log.info({ request }, 'asked')
  return { done: true }
})`,
  event: `export default (async (_, { message, log }) => {
  log.info({ subject: message.subject }, 'heard')
})`,
  job: `export default (async (_, { message, log }) => {
  log.info({ subject: message.subject }, 'done')
})`,
  stream: `export default (async (_, { message, log }) => {
  log.info({ subject: message.subject }, 'handled')
})`,
  http: `export default (async (request) => {
  return new Response(\`You asked for \${new URL(request.url).pathname}\\n\`)
})`,
}

/** One subject's line in a contract. */
export const contractEntry = ({ mode, subject }: Wanted): string =>
  mode === 'rpc'
    ? `  '${subject}': request(object({}), object({ done: boolean() })),`
    : `  '${subject}': message(object({})),`

export function newContract(wanted: Wanted): string {
  const structs = wanted.mode === 'rpc' ? 'boolean, object' : 'object'
  return `import { ${structs} } from 'superstruct'
import { ${wanted.mode === 'rpc' ? 'request' : 'message'} } from '../../runtime/types'

export default {
${contractEntry(wanted)}
}
`
}

/** A test that runs the function on a real broker and passes as it stands; what it sends is to be filled in. */
export function testText({ name, mode, subject }: Wanted): string {
  const http = mode === 'http'
  const used = [
    ...(asks(mode) ? [] : ['eventually']),
    'fromModule',
    ...(http ? [] : ['openWire']),
    'runFunctions',
    'startBroker',
  ]
  return `import * as assert from 'uvu/assert'
import { contracts } from '../../functions/_contracts'
import streams from '../../functions/_streams'
import * as module from '../../functions/${name}'
import { ${used.join(', ')} } from '../../testing'
import { suite } from '../support/suite'

const test = suite('${name}')

test('handles what it gets', async () => {
  const broker = await startBroker()
  const functions = { '${name}': fromModule(module) }
  const host = await runFunctions(broker, { contracts, streams, functions })
${http ? overHttp : overNats(mode, subject.replaceAll('*', 'anything'), name)}})

test.run()
`
}

const asks = (mode: Wanted['mode']): boolean => mode === 'rpc' || mode === 'http'

const overHttp = `  const answer = await fetch(\`\${host.url}/hello\`)
  assert.is(answer.status, 200)
`

function overNats(mode: Wanted['mode'], subject: string, name: string): string {
  const open = `  const wire = await openWire(broker)
  // Fill in what its contract asks for: this is refused where that is more.
`
  const ready = '  assert.is(await host.ready(), true)\n'
  if (mode === 'rpc') {
    return `${open}  const reply = await wire.ask('${subject}', {})
  assert.type(reply.body, 'object')
${ready}`
  }
  return `${open}  await wire.${mode === 'event' ? 'send' : 'store'}('${subject}', {})
  await eventually('it to be handled', () =>
    host.log.some(({ fields, text }) => fields.function === '${name}' && text === 'handled'),
  )
${ready}`
}
