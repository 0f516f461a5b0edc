/** The key, which every store takes: the characters that a subject may have, too. */
export function validKey(key: string): string {
  if (!/^[-/_=A-Za-z0-9]+(\.[-/_=A-Za-z0-9]+)*$/.test(key))
    throw new Error(`not a key of a store: ${JSON.stringify(key)}`)
  return key
}
