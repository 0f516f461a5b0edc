import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { type Json, withoutReferences } from './references'

/** An answer as it came, and its body as JSON where it is that. */
export interface Answer {
  status: number
  headers: { get(name: string): string | null }
  text: string
  body: Json
}

interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: { Problem: { properties: { type: { description: string } } } } }
}

interface Operation {
  operationId: string
  responses: Record<string, Declared>
}

interface Declared {
  headers?: Record<string, { schema: object }>
  content: Record<string, { schema: object }>
}

export const document = withoutReferences(parse(readFileSync('docs/openapi.yaml', 'utf8'))) as unknown as Document

const { Problem } = document.components.schemas

/** Every `/problems/…` that the document names. */
export const problemPaths = (/one of ([^.]+)\./.exec(Problem.properties.type.description)?.[1] ?? '')
  .split(/,\s*/)
  .map((kind) => `/problems/${kind.trim()}`)

const methods = ['get', 'head', 'put', 'post', 'delete', 'options', 'patch']

const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }))

/** Throws, saying what is wrong, unless the document allows this answer to this request. */
export function checkAnswer(method: string, path: string, answer: Answer): void {
  const request = `${method} ${path.length > 100 ? `${path.slice(0, 100)}…` : path} -> ${answer.status}`
  try {
    const operation = operationOf(method, path)
    if (operation) checkDeclared(operation, method, answer)
    else checkUndeclared(path, method, answer)
    if (answer.status >= 400 && method !== 'HEAD') checkProblem(answer)
  } catch (error) {
    throw new Error(`${request}: ${(error as Error).message}\n${answer.text.slice(0, 1_000)}`)
  }
}

/** What holds for every error, whatever was asked and however broken it came. */
export function checkProblem({ status, headers, body, text }: Answer): void {
  check(Problem, body, 'the problem document')
  const { type, title, status: told, errors } = body as { type: string; title: string; status: number; errors?: Json }
  assert.ok(problemPaths.includes(type), `${type} is no problem of the document`)
  assert.ok(title.length > 0, 'a problem has a title')
  assert.is(told, status, 'the status of the problem is that of the answer')
  assert.not.match(text, /\.m?[jt]s:\d|node:|\bat .+\(|undefined/, 'the inside is not told')
  if (status === 400) checkFieldErrors(errors)
  if (status === 429 || type === '/problems/too-busy') assert.match(headers.get('retry-after') ?? '', /^\d+$/)
  if (status === 405) assert.ok(headers.get('allow'), 'Allow is there')
}

function checkFieldErrors(errors: Json | undefined): void {
  assert.ok(Array.isArray(errors) && errors.length > 0, 'a 400 names what is at fault')
  const pointers = (errors as { pointer: string }[]).map(({ pointer }) => pointer)
  for (const pointer of pointers) {
    assert.match(pointer, /^#(\/([^~/]|~0|~1)*)*$/, `${pointer} is no JSON Pointer`)
  }
  assert.is(new Set(pointers).size, pointers.length, 'each field at fault once')
}

function checkDeclared({ operationId, responses }: Operation, method: string, answer: Answer): void {
  const { status, headers, body, text } = answer
  const declared = responses[status] ?? (status >= 400 ? responses.default : undefined)
  assert.ok(declared, `${operationId} declares no ${status}`)
  const contentType = (headers.get('content-type') ?? '').split(';')[0] as string
  const content = declared?.content[contentType]
  assert.ok(content, `${operationId} declares no ${contentType} for ${status}`)
  for (const [name, { schema }] of Object.entries(declared?.headers ?? {})) {
    if (headers.get(name) !== null) check(schema, headers.get(name), name)
  }
  if (status === 201) assert.is(headers.get('location'), `/api/v1/orders/${(body as { order_id: string }).order_id}`)
  if (method === 'HEAD') assert.is(text, '', 'HEAD has no body')
  else check(content?.schema ?? {}, contentType.endsWith('json') ? body : text, 'the body')
}

/** Paths and methods that are no operation: a problem's own page, a 404, or a 405 that lists the operations there are. */
function checkUndeclared(path: string, method: string, { status, headers, body }: Answer): void {
  const page = path.startsWith('/problems/')
  if (page && status === 200) {
    assert.is(headers.get('content-type')?.split(';')[0], 'text/plain')
    return
  }
  const allowed = page
    ? ['GET', 'HEAD']
    : methods.map((each) => each.toUpperCase()).filter((each) => served(each, path))
  const known = page ? problemPaths.includes(path) : allowed.length > 0
  assert.is(status, known ? 405 : 404, 'no operation')
  if (status === 405) assert.equal(headers.get('allow')?.split(', ').toSorted(), allowed.toSorted(), 'Allow')
  assert.is(headers.get('content-type'), 'application/problem+json')
  const kind = status === 405 ? 'method-not-allowed' : 'not-found'
  if (method !== 'HEAD') assert.is((body as { type: string }).type, `/problems/${kind}`)
}

const served = (method: string, path: string): boolean => operationOf(method, path) !== undefined

function operationOf(method: string, path: string): Operation | undefined {
  const asked = path.split('?')[0] as string
  const name = (method === 'HEAD' ? 'GET' : method).toLowerCase()
  const found = Object.entries(document.paths).find(([template]) => pathForm(template).test(asked))
  return found && methods.includes(name) ? found[1][name] : undefined
}

const pathForm = (template: string): RegExp =>
  new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`)

function check(schema: object, value: unknown, what: string): void {
  const valid = ajv.validate(schema, value)
  assert.ok(valid, `${what} is not what the document says: ${ajv.errorsText()}`)
}
