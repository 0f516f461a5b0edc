export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** The document with every `$ref` replaced by what it points at inside the same document. */
export function withoutReferences(document: Json): Json {
  const resolve = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(resolve)
    if (typeof value !== 'object' || value === null) return value
    if (typeof value.$ref === 'string') return resolve(target(value.$ref))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]))
  }
  const target = (pointer: string): Json => {
    let found: Json | undefined = document
    for (const key of pointer.replace(/^#\//, '').split('/')) found = (found as Record<string, Json>)?.[key]
    if (found === undefined) throw new Error(`${pointer} points at nothing`)
    return found
  }
  return resolve(document)
}
