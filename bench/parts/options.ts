import { parseArgs } from 'node:util'

interface Option {
  type: 'string' | 'boolean'
  default?: string
  /** What `--help` says of it. */
  tells: string
}

interface Program<O> {
  name: string
  /** What it does, in one line. */
  does: string
  options: O
  /** What may be named beside the options; all of it where nothing is. */
  figures?: string[]
}

/** Another one each time, unless it is given. */
export const seed = {
  type: 'string',
  default: String(Date.now() % 100_000),
  tells: 'repeats a run that printed it',
} satisfies Option

/** Ends the process where help is asked for, and with exit code 2 and one line where something is not known. */
export function optionsOf<O extends Record<string, Option>>(program: Program<O>) {
  const { name, figures = [] } = program
  const { values, positionals } = parsed(program)
  if ((values as { help?: boolean }).help) {
    console.log(help(program))
    process.exit(0)
  }
  const unknown = positionals.find((word) => !figures.includes(word))
  if (unknown !== undefined) refuse(`${name}: no figure is named ${unknown}; there are ${figures.join(', ')}`)
  return { values, positionals }
}

function parsed<O extends Record<string, Option>>({ name, options, figures }: Program<O>) {
  const known = { ...options, help: { type: 'boolean' } } as O
  try {
    return parseArgs({ options: known, allowPositionals: figures !== undefined })
  } catch (error) {
    return refuse(`${name}: ${(error as Error).message.split(/\.\s/)[0]}; --help tells the options`)
  }
}

function refuse(line: string): never {
  console.error(line)
  process.exit(2)
}

function help({ name, does, options, figures = [] }: Program<Record<string, Option>>): string {
  const words = figures.length > 0 ? ' [FIGURE …]' : ''
  const rows = Object.entries(options).map(([option, about]) => ({
    flag: `--${option}${about.type === 'string' ? ' VALUE' : ''}`,
    tells: `${about.tells}${about.default === undefined || about === seed ? '' : `; ${about.default}`}`,
  }))
  const width = Math.max(...rows.map(({ flag }) => flag.length))
  return [
    `${name}: ${does}`,
    '',
    `  node bench/run.mjs ${name}${words} [OPTION …]`,
    '',
    ...rows.map(({ flag, tells }) => `  ${flag.padEnd(width)}  ${tells}`),
    ...(figures.length > 0 ? ['', `Figures: ${figures.join(', ')}`] : []),
  ].join('\n')
}
