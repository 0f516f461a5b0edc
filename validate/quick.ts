// Stands in for superstruct where build.mjs bundles functions: the same structs, which tell by the way what they accept.

import type { Struct } from 'superstruct'
import * as real from 'superstruct'

export * from 'superstruct'

/**
 * On a struct: whether it certainly accepts a value as it is. superstruct walks each value with nested generators, at
 * some microseconds a message; what this does not accept, or does not know, is superstruct's to judge and to word.
 */
export const quick = Symbol.for('deliveryflow.quick')

type Accepts = (value: unknown) => boolean
// biome-ignore lint/suspicious/noExplicitAny: structs of any value
type Any = Struct<any, any>

/** On a struct of fields: those that are constants, which tell the members of a union apart. */
const constants = Symbol('constants')
/** On a struct of one constant. */
const constant = Symbol('constant')
/** On a struct whose values hold no fields, so that there are none to leave out. */
const plain = Symbol('plain')

const acceptsOf = (struct: unknown): Accepts | undefined => (struct as { [quick]?: Accepts })[quick]

const noted = <S extends Any>(struct: S, accepts: Accepts | undefined): S =>
  accepts ? Object.defineProperty(struct, quick, { value: accepts }) : struct

const notedPlain = <S extends Any>(struct: S, accepts: Accepts | undefined): S =>
  noted(Object.defineProperty(struct, plain, { value: true }), accepts)

const isPlain = (struct: unknown): boolean => plain in (struct as object)

/** Noted as plain where what it is made of is. */
const notedLike = <S extends Any>(struct: S, from: unknown, accepts: Accepts | undefined): S =>
  isPlain(from) ? notedPlain(struct, accepts) : noted(struct, accepts)

const narrowed = <S extends Any>(struct: S, from: unknown, holds: (value: never) => boolean): S => {
  const inner = acceptsOf(from)
  return notedLike(struct, from, inner && ((value) => inner(value) && holds(value as never)))
}

/** A plain one: superstruct makes one of any other. */
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

function fields(schema: Record<string, unknown>, isOpen: boolean): Accepts | undefined {
  const names = Object.keys(schema)
  const known = new Set(names)
  const accepts = names.map((name) => acceptsOf(schema[name]))
  if (accepts.includes(undefined)) return undefined
  const each = accepts as Accepts[]
  return (value) => {
    if (!isObject(value)) return false
    if (!isOpen) for (const name of Object.keys(value)) if (!known.has(name)) return false
    for (let index = 0; index < names.length; index++) {
      if (!(each[index] as Accepts)(value[names[index] as string])) return false
    }
    return true
  }
}

/** NaN, which is within no limits, for what superstruct measures otherwise. */
const sizeOf = (value: unknown): number =>
  typeof value === 'number' ? value : typeof value === 'string' || Array.isArray(value) ? value.length : Number.NaN

export const string: typeof real.string = () => notedPlain(real.string(), (value) => typeof value === 'string')
export const boolean: typeof real.boolean = () => notedPlain(real.boolean(), (value) => typeof value === 'boolean')
export const number: typeof real.number = () =>
  notedPlain(real.number(), (value) => typeof value === 'number' && !Number.isNaN(value))
export const integer: typeof real.integer = () => notedPlain(real.integer(), Number.isInteger)

export const enums: typeof real.enums = ((values: unknown[]) =>
  notedPlain(real.enums(values as string[]), (value) => values.includes(value))) as typeof real.enums

export const literal: typeof real.literal = ((only: string) =>
  Object.assign(
    noted(real.literal(only), (value) => value === only),
    { [constant]: only },
  )) as unknown as typeof real.literal

export const object: typeof real.object = ((schema?: Record<string, Any>) => {
  if (!schema) return real.object()
  const told = Object.entries(schema).filter(([, struct]) => constant in struct)
  return Object.assign(noted(real.object(schema), fields(schema, false)), { [constants]: told.map(([name]) => name) })
}) as typeof real.object

/** Only of plain members, or where a field tells them apart: of others the first that takes the value with fields left out wins. */
export const union: typeof real.union = ((members: Any[]) => {
  const struct = real.union(members as [Any])
  const each = members.map(acceptsOf)
  if (members.every(isPlain) && !each.includes(undefined)) {
    return notedPlain(struct, (value) => each.some((accepts) => accepts?.(value)))
  }
  const [first] = members as (Any & { [constants]?: string[] })[]
  const kindOf = (member: Any, name: string) =>
    (member.schema?.[name] as { [constant]?: unknown } | undefined)?.[constant]
  const name = first?.[constants]?.find(
    (one) => new Set(members.map((member) => kindOf(member, one))).size === members.length,
  )
  if (name === undefined || members.some((member) => kindOf(member, name) === undefined)) return struct
  if (each.includes(undefined)) return struct
  const byKind = new Map(members.map((member, index) => [kindOf(member, name), each[index] as Accepts]))
  return noted(struct, (value) => isObject(value) && byKind.get(value[name])?.(value) === true)
}) as typeof real.union

export const type: typeof real.type = ((schema: Record<string, Any>) =>
  noted(real.type(schema), fields(schema, true))) as typeof real.type

export const array: typeof real.array = ((element?: Any) => {
  if (!element) return real.array()
  const inner = acceptsOf(element)
  return notedLike(
    real.array(element),
    element,
    inner &&
      ((value) => {
        if (!Array.isArray(value)) return false
        for (const one of value) if (!inner(one)) return false
        return true
      }),
  )
}) as typeof real.array

export const tuple: typeof real.tuple = ((elements: Any[]) => {
  const each = elements.map(acceptsOf)
  const struct = real.tuple(elements as [Any])
  if (each.includes(undefined)) return struct
  return noted(
    struct,
    (value) =>
      Array.isArray(value) && value.length === each.length && each.every((accepts, index) => accepts?.(value[index])),
  )
}) as unknown as typeof real.tuple

export const unknown: typeof real.unknown = () => noted(real.unknown(), () => true)

export const record: typeof real.record = (key, value) => {
  const [ofKey, ofValue] = [acceptsOf(key), acceptsOf(value)]
  return noted(
    real.record(key, value),
    ofKey &&
      ofValue &&
      ((given) => {
        if (!isObject(given)) return false
        for (const name in given) if (!ofKey(name) || !ofValue(given[name])) return false
        return true
      }),
  )
}

export const optional: typeof real.optional = (struct) => {
  const inner = acceptsOf(struct)
  return noted(real.optional(struct), inner && ((value) => value === undefined || inner(value)))
}

export const nullable: typeof real.nullable = (struct) => {
  const inner = acceptsOf(struct)
  return noted(real.nullable(struct), inner && ((value) => value === null || inner(value)))
}

/** A refiner that asks for the context of its value is superstruct's alone to call. */
export const refine: typeof real.refine = (struct, name, refiner) => {
  const refined = real.refine(struct, name, refiner)
  const holds = refiner as unknown as (value: unknown) => unknown
  return refiner.length > 1 ? refined : narrowed(refined, struct, (value) => holds(value) === true)
}

export const min: typeof real.min = (struct, threshold, options = {}) =>
  narrowed(real.min(struct, threshold, options), struct, (value: number) =>
    options.exclusive ? value > Number(threshold) : value >= Number(threshold),
  )

export const max: typeof real.max = (struct, threshold, options = {}) =>
  narrowed(real.max(struct, threshold, options), struct, (value: number) =>
    options.exclusive ? value < Number(threshold) : value <= Number(threshold),
  )

export const size: typeof real.size = (struct, least, most = least) =>
  narrowed(real.size(struct, least, most), struct, (value) => sizeOf(value) >= least && sizeOf(value) <= most)

export const nonempty: typeof real.nonempty = (struct) =>
  narrowed(real.nonempty(struct), struct, (value) => sizeOf(value) > 0)

export const pattern: typeof real.pattern = (struct, form) =>
  form.global || form.sticky
    ? real.pattern(struct, form)
    : narrowed(real.pattern(struct, form), struct, (value) => form.test(value))
