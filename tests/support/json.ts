/** JSON with the fields of every object sorted: equal text for equal records. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, field) =>
    field && typeof field === 'object' && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([one], [other]) => (one < other ? -1 : 1)))
      : field,
  )
