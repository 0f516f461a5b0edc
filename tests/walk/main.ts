import { parseArgs } from 'node:util'
import { takeClock } from './clock'
import { type Walked, walk } from './explore'
import { takeOutside } from './outside'
import { repeat } from './repeat'
import { deeper, scenarios } from './scenarios'
import { table } from './table'

const { values } = parseArgs({ options: { only: { type: 'string' }, repeat: { type: 'string' } } })
const all = [...scenarios, ...deeper]
const say = (text: string) => console.log(text)

takeClock()
takeOutside()

try {
  if (values.repeat !== undefined) await repeat(all, values.repeat, say)
  else {
    const walks: Walked[] = []
    for (const scenario of all.filter(({ name }) => name.includes(values.only ?? ''))) {
      process.stderr.write(`${scenario.name}\n`)
      walks.push(await walk(scenario))
    }
    say(table(walks))
  }
} catch (error) {
  say((error as Error).message)
  process.exitCode = 1
}
