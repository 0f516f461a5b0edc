import { array, enums, type Infer, nonempty, object, optional, record, refine, string, tuple } from 'superstruct'

const formed = (form: RegExp, what: string) => refine(string(), 'form', (text) => form.test(text) || `Expected ${what}`)
const taken = ['revision', 'writes', 'changed_at', 'record']
const name = refine(
  formed(/^[a-z][a-z0-9_]{0,47}$/, 'a name of lower-case letters, digits and _'),
  'free',
  (text) => !taken.includes(text) || `Expected another name than ${taken.join(', ')}`,
)
const path = formed(/^\w+(\.\w+)*$/, 'fields with . between them')
const word = formed(/^[\w-]+$/, 'letters, digits, _ and -')

const Column = object({
  type: enums(['text', 'integer', 'time']),
  /** Where in the record it stands; under its own name where this is not set. */
  path: optional(path),
  /** `text` alone: the word beside the first of these paths at which the record has something. */
  first: optional(nonempty(array(tuple([path, word])))),
  /** With `first`: the word where it has none of them. */
  otherwise: optional(word),
})

/** A bucket as a table: one row for each record, and what a person asks by in columns of its own. */
export const TableEntry = refine(
  object({
    key: name,
    columns: record(name, Column),
    /** Columns of each index, in their order. */
    indexes: optional(array(nonempty(array(name)))),
  }),
  'columns',
  ({ key, columns, indexes = [] }) => {
    if (Object.hasOwn(columns, key)) return `Expected the key ${key} not to be among the columns`
    const unknown = indexes.flat().find((one) => one !== key && !Object.hasOwn(columns, one))
    return unknown === undefined || `Expected an index on columns that there are, not ${unknown}`
  },
)

export type Column = Infer<typeof Column>
export type TableEntry = Infer<typeof TableEntry>
/** A table as `functions/_tables.ts` lists it. */
export type TableConfig = Omit<TableEntry, 'columns'> & {
  columns: Record<string, Omit<Column, 'first'> & { first?: readonly (readonly [string, string])[] }>
}

/** By its bucket, whose name the table has. */
export const TableEntries = record(name, TableEntry)
