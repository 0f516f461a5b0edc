import { rejection } from './errors'
import type { Contracts, FieldError, MessageContract, RequestContract, Struct } from './types'

const own = Object.prototype.hasOwnProperty
// What the build puts on a struct, see validate/quick.ts; one without it is slower and the same.
const quick = Symbol.for('deliveryflow.quick')

export function messageContract(contracts: Contracts, subject: string): MessageContract | undefined {
  const contract = own.call(contracts, subject) ? contracts[subject] : undefined
  return contract && 'body' in contract ? contract : undefined
}

export function requestContract(contracts: Contracts, subject: string): RequestContract | undefined {
  const contract = own.call(contracts, subject) ? contracts[subject] : undefined
  return contract && 'request' in contract ? contract : undefined
}

/** The value, or a refusal (400) with an entry for each field at fault. `mask` drops unknown fields instead. */
export function check<T>(struct: Struct<T>, value: unknown, mask = false): T {
  let errors: FieldError[]
  try {
    if ((struct as { [quick]?(value: unknown): boolean })[quick]?.(value)) return value as T
    const [failure, valid] = struct.validate(value, { mask, coerce: mask })
    if (!failure) return valid as T
    errors = fieldErrors(failure.failures())
  } catch {
    // superstruct words a failure with the value, and throws at one that no text can be made of.
    errors = [{ pointer: '#', detail: 'holds a value that cannot be right anywhere' }]
  }
  throw rejection(400, errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '), errors)
}

const mostErrors = 20

function fieldErrors(
  failures: Iterable<{ path: readonly (string | number)[]; message: string; value: unknown; type: string }>,
) {
  const errors = new Map<string, FieldError>()
  for (const { path, message, value, type } of failures) {
    const pointer = `#${path.map((key) => `/${token(String(key))}`).join('')}`
    if (!errors.has(pointer)) errors.set(pointer, { pointer, detail: detail(message, value, type) })
    if (errors.size === mostErrors) break
  }
  return [...errors.values()]
}

const token = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)

/** Says what was expected and never repeats the value, which may be long or private. */
function detail(message: string, value: unknown, type: string): string {
  if (type === 'never') return 'is not a field of this message'
  if (value === undefined) return 'is required'
  return message
    .replace(/,? but received.*$/s, '')
    .replace(/^Expected/, 'must be')
    .replaceAll('`', '')
    .slice(0, 200)
}
