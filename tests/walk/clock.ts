/** The time that handlers read: moved by hand, so that a walk is the same each time. */
export const clock = { now: Date.UTC(2026, 0, 30, 12) }

const RealDate = Date

/** Gives every `new Date()` the clock's time from here on. */
export function takeClock(): void {
  globalThis.Date = class extends RealDate {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [clock.now] : given) as [number]))
    }
    static now(): number {
      return clock.now
    }
  } as DateConstructor
}

const times = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g

const texts = new WeakMap<object, string>()

/** JSON with the times taken out: no decision depends on them, so what differs in them alone is one and the same. */
export function timeless(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? ''
  const known = texts.get(value)
  if (known !== undefined) return known
  const text = canonical(value).replaceAll(times, '"T"')
  texts.set(value, text)
  return text
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, field) =>
    field instanceof Error
      ? field.message
      : field && typeof field === 'object' && !Array.isArray(field)
        ? Object.fromEntries(Object.entries(field).sort(([one], [other]) => (one < other ? -1 : 1)))
        : field,
  )
