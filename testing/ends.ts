type Close = () => unknown

let hook: ((close: Close) => unknown) | undefined

/** Where what was started goes to be ended: the `after` of your runner. Without it each thing is ended by its own `stop`. */
export function endWith(register: (close: Close) => unknown): void {
  hook = register
}

export const atEnd = (close: Close): unknown => hook?.(close)
