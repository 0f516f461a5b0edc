import { readFileSync } from 'node:fs'
import { type AnySchemaObject, Ajv2020 as Validator } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { parse } from 'yaml'

interface Document {
  components: { schemas: Record<string, AnySchemaObject>; parameters: Record<string, { schema: AnySchemaObject }> }
  paths: Record<string, Record<string, { requestBody: { content: Record<string, { schema: AnySchemaObject }> } }>>
}

const document = parse(readFileSync('docs/openapi.yaml', 'utf8')) as Document

const validator = new Validator({ strict: false })
formats.default(validator)

export type Accepts = (value: unknown) => boolean

export const schemaOf = (name: string): Accepts => compiled(document.components.schemas[name])

export const parameterOf = (name: string): Accepts => compiled(document.components.parameters[name]?.schema)

export const bodyOf = (method: string, path: string): Accepts =>
  compiled(document.paths[path]?.[method]?.requestBody.content['application/json']?.schema)

/** The document's components come along, so that the schema finds what it refers to. */
function compiled(schema: AnySchemaObject | undefined): Accepts {
  if (!schema) throw new Error('docs/openapi.yaml has no such schema')
  const validate = validator.compile({ ...schema, components: document.components })
  return (value) => validate(value) as boolean
}
