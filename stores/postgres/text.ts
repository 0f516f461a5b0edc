// What PostgreSQL takes in no text is written as this sign, which hardly anybody sends, and the four digits of its code.
const sign = '\\u001a'

/**
 * JSON text as PostgreSQL takes it: U+0000 and lone surrogates, which it refuses, are written otherwise, and so is the
 * sign that tells of them, so that all comes back as it was.
 */
export function toStored(json: string): string {
  if (!json.includes('\\u')) return json
  return json.replaceAll(/\\(?:u(0000|001a|d[89a-f][0-9a-f]{2})|.)/g, (pair, code) => (code ? sign + code : pair))
}

export function fromStored(json: string): string {
  if (!json.includes(sign)) return json
  return json.replaceAll(/\\(?:u001a([0-9a-f]{4})|.)/g, (pair, code) => (code ? `\\u${code}` : pair))
}

/** A string as a column has it. */
export const storedText = (text: string): string => JSON.parse(toStored(JSON.stringify(text)))
