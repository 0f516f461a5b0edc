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
export const contractEntry = ({ mode, subject }: { mode: string; subject: string }): string =>
  mode === 'rpc'
    ? `'${subject}': request(object({}), object({ done: boolean() }))`
    : `'${subject}': message(object({}))`

export function newContract(wanted: Wanted, runtime: string): string {
  const structs = wanted.mode === 'rpc' ? 'boolean, object' : 'object'
  return `import { ${structs} } from 'superstruct'
import { ${wanted.mode === 'rpc' ? 'request' : 'message'} } from '${runtime}/types'

export default {
  ${contractEntry(wanted)},
}
`
}

interface Sample {
  subject: string
  /** The contract says more of its body than that it is an object. */
  unknown: boolean
}

interface From {
  imports: { functions: string; testing: string }
  /** There is a `_streams.ts`. */
  streams: boolean
}

/** A test that runs the function on a real broker and fails unless it returns; of a contract that was there the body is to be filled in. */
export function testText({ name, mode }: Wanted, sample: Sample, { imports, streams }: From): string {
  const { functions, testing } = imports
  const http = mode === 'http'
  const used = [
    ...(asks(mode) ? [] : ['eventually']),
    'fromModule',
    ...(http ? [] : ['openWire']),
    'runFunctions',
    'startBroker',
  ]
  return `import * as assert from 'uvu/assert'
import { contracts } from '${functions}/_contracts'
${streams ? `import streams from '${functions}/_streams'\n` : ''}import * as module from '${functions}/${name}'
import { ${used.join(', ')} } from '${testing}'
import { suite } from '${testing}/suite'

const test = suite('${name}')

test('handles what it gets', async () => {
  const broker = await startBroker()
  const functions = { '${name}': fromModule(module) }
  ${mode === 'rpc' ? '' : 'const host = '}await runFunctions(broker, { contracts, streams${streams ? '' : ': {}'}, functions })
${http ? overHttp : overNats(mode, sample, name)}})

test.run()
`
}

const asks = (mode: Wanted['mode']): boolean => mode === 'rpc' || mode === 'http'

const overHttp = `  const answer = await fetch(\`\${host.url}/hello\`)
  assert.is(answer.status, 200)
`

function overNats(mode: Wanted['mode'], { subject, unknown }: Sample, name: string): string {
  const open = `  const wire = await openWire(broker)
${unknown ? '  // Fill in what its contract asks for: as it stands it is refused.\n' : ''}`
  if (mode === 'rpc') {
    return `${open}  const { body } = await wire.ask('${subject}', {})
  assert.is((body as { error?: object }).error, undefined, JSON.stringify(body))
`
  }
  return `${open}  await wire.${mode === 'event' ? 'send' : 'store'}('${subject}', {})
  const { fields } = await eventually('it to end', () =>
    host.log.find(({ fields }) => fields.function === '${name}' && 'ending' in fields),
  )
  assert.is(fields.ending, 'returned', JSON.stringify(host.log))
`
}
