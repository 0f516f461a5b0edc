/** Whether an `Accept` header names `special`, and not `ordinary` before it; wildcards ask for the ordinary one. */
export function prefers(accept: string | null, special: string, ordinary: string): boolean {
  const ranges = (accept ?? '').toLowerCase().split(',').map(rangeOf)
  const quality = (type: string) => Math.max(0, ...ranges.filter(({ name }) => name === type).map(({ q }) => q))
  return quality(special) > 0 && quality(special) >= quality(ordinary)
}

function rangeOf(range: string): { name: string; q: number } {
  const [name = '', ...parameters] = range.split(';').map((part) => part.trim())
  const given = parameters.find((one) => one.startsWith('q='))
  const q = given === undefined ? 1 : Number(given.slice(2))
  return { name, q: q >= 0 && q <= 1 ? q : 0 }
}
