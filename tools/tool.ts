/** Where a command runs. */
export interface Place {
  /** The project's folder. */
  root: string
  env: NodeJS.ProcessEnv
  /** One line on stdout. */
  say(text: string): void
}

/** A command of `node runtime`; resolves with its exit code, throws a configuration error for wrong usage. */
export type Tool = (args: string[], place: Place) => Promise<number>
