import type { Explanation, Step, Wait } from './_contract'

// Their names are known to be no words of Mermaid; whoever else sent an event gets a made-up one, and its own as label.
const services = ['caller', 'order', 'inventory', 'payment', 'delivery']

/** The explanation as a Mermaid sequence diagram: who told whom, how long it took, and what is still to come. */
export function mermaid({ order_id, status, total_ms, steps, waits_for, notes }: Explanation): string {
  const cast = participants()
  const lines = [
    `Note over ${cast.of('caller')}: ${text(`${order_id} is ${status}, ${span(total_ms)}`)}`,
    ...steps.flatMap((step) =>
      told(step, steps, waits_for).map(([from, arrow, to, what]) => {
        return `${cast.of(from)}${arrow}${cast.of(to)}: ${text(what)}`
      }),
    ),
    ...waits_for.map((wait) => `Note over ${cast.of(serviceOf(wait.function))}: ${text(waiting(wait))}`),
    ...notes.map((note) => `Note over ${cast.of('order')}: ${text(note)}`),
  ]
  return `${['sequenceDiagram', ...cast.declared(), ...lines].join('\n  ')}\n`
}

type Arrow = [from: string, arrow: '->>' | '-->>', to: string, what: string]

/** To each service that did something about it or has to; to order, which follows every event, where there is none. */
function told(step: Step, steps: Step[], waits: Wait[]): Arrow[] {
  const from = sender(step)
  const reactors = [
    ...steps.filter(({ caused_by }) => caused_by?.seq === step.seq).map(sender),
    ...waits.filter(({ seq }) => seq === step.seq).map((wait) => serviceOf(wait.function)),
  ]
  const { caused_by } = step
  const request: Arrow[] = caused_by && !caused_by.seq ? [['caller', '->>', from, caused_by.name]] : []
  const to = [...new Set(reactors)]
  if (to.length === 0) return [...request, [from, '-->>', 'order', labelOf(step)]]
  return [...request, ...to.map((service): Arrow => [from, '->>', service, labelOf(step)])]
}

const serviceOf = (name: string): string => name.split('/')[0] ?? ''

/** The service that its name begins with, where nobody told. */
const sender = ({ by, type }: Step): string => (by ? serviceOf(by) : (type.split('_')[0] ?? ''))

function labelOf({ type, took_ms, attempts = 1, reason }: Step): string {
  const facts = [
    type,
    ...(took_ms === undefined ? [] : [span(took_ms)]),
    ...(attempts > 1 ? [`attempt ${attempts}`] : []),
  ]
  return `${facts.join(', ')}${reason ? ` (${reason})` : ''}`
}

const waiting = ({ for: wanted, function: name, waiting_ms }: Wait): string =>
  `waits for ${wanted} from ${name}, ${span(waiting_ms)}`

function participants() {
  const names = new Map<string, string>()
  return {
    of(service: string): string {
      const name = names.get(service) ?? (services.includes(service) ? service : `other${names.size}`)
      names.set(service, name)
      return name
    },
    declared: () =>
      [...names].map(([service, name]) => `participant ${name}${name === service ? '' : ` as ${text(service)}`}`),
  }
}

const mostCharacters = 120

/** What could end a line or mean something to Mermaid or HTML goes as the number of its character. */
function text(anything: string): string {
  const characters = [...anything.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ').trim()]
  if (characters.length === 0) return '…'
  const cut = characters.length > mostCharacters ? [...characters.slice(0, mostCharacters), '…'] : characters
  return cut.map((one) => (/[\p{L}\p{M}\p{N} .,_/()'’:?!…-]/u.test(one) ? one : `#${one.codePointAt(0)};`)).join('')
}

function span(ms: number): string {
  if (ms < 1_000) return `${ms} ms`
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
