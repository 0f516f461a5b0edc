import * as assert from 'uvu/assert'

export interface Diagram {
  /** Each name as it is shown. */
  participants: Record<string, string>
  arrows: { from: string; arrow: string; to: string; text: string }[]
  notes: { over: string; text: string }[]
}

// A text ends at ; and at a line break, # begins a comment, %% too, <> is HTML: none of them may stand for itself.
const text = "(?:[\\p{L}\\p{M}\\p{N} .,_/()'’:?!…-]|#\\d+;)+"
const name = '[a-z]+\\d*'
const forms = {
  participant: new RegExp(`^  participant (${name})(?: as (${text}))?$`, 'u'),
  arrow: new RegExp(`^  (${name})(-?->>)(${name}): (${text})$`, 'u'),
  note: new RegExp(`^  Note over (${name}): (${text})$`, 'u'),
}
const words = [
  'end',
  'note',
  'par',
  'and',
  'opt',
  'alt',
  'else',
  'loop',
  'rect',
  'box',
  'break',
  'link',
  'links',
  'over',
]

/** Reads a sequence diagram by a grammar stricter than Mermaid's; whatever it takes, Mermaid takes. */
export function readDiagram(source: string): Diagram {
  assert.ok(source.endsWith('\n'), 'the diagram ends with a line break')
  const [first, ...lines] = source.slice(0, -1).split('\n')
  assert.is(first, 'sequenceDiagram')
  const diagram: Diagram = { participants: {}, arrows: [], notes: [] }
  const declared = (one = '') => {
    assert.ok(Object.hasOwn(diagram.participants, one), `${one} is used and not declared`)
    return one
  }
  for (const line of lines) {
    const [participant, arrow, note] = [forms.participant, forms.arrow, forms.note].map((form) => form.exec(line))
    if (participant) {
      const [, id = '', label = id] = participant
      assert.not.ok(words.includes(id), `${id} is a word of Mermaid`)
      assert.not.ok(Object.hasOwn(diagram.participants, id), `${id} is declared twice`)
      diagram.participants[id] = shown(label)
    } else if (arrow) {
      const [, from, kind = '', to, what = ''] = arrow
      diagram.arrows.push({ from: declared(from), arrow: kind, to: declared(to), text: shown(what) })
    } else if (note) diagram.notes.push({ over: declared(note[1]), text: shown(note[2] ?? '') })
    else assert.unreachable(`no line of a sequence diagram: ${JSON.stringify(line)}`)
  }
  return diagram
}

/** As the reader of the picture sees it. */
const shown = (escaped: string): string =>
  escaped.replaceAll(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
