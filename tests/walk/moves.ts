import { clock, timeless } from './clock'
import { Broken, checkRebuilt, checkSettled, checkStep, checkWorld } from './laws'
import { outside } from './outside'
import { type Ended, execute, type Message, type UnderWay } from './run'
import { begin, namesOf, type Scenario, stimuliOf } from './scenario'
import { type Fn, functions, hearing } from './system'
import { keyOf, type World } from './world'

/** Everything by its number in the walk's books. */
export interface State {
  world: number
  /** What the streams hold, sorted. */
  sent: number[]
  /** Of that, what a function has yet to handle: message and function in one number, sorted. */
  pending: number[]
  /** A handler that was overtaken. */
  under: number
  overtakings: number
}

export interface Move {
  label: string
  to: State
}

interface Stopped {
  world: number
  sent: number[]
  under: number
}

interface Ran {
  kind: Ended['kind']
  world: number
  sent: number[]
  stops: Stopped[]
}

interface Outcomes {
  ran: Ran
  /** Where the payment service does what it is asked and its answer is lost. */
  unanswered?: Ran
}

const none = -1
const mostFunctions = 16

/** Numbers what is equal by its key, from 0. */
class Book<T> {
  readonly values: T[] = []
  private readonly numbers = new Map<string, number>()

  enter(key: string, make: () => T): number {
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    this.numbers.set(key, this.values.length)
    return this.values.push(make()) - 1
  }

  at = (number: number): T => this.values[number] as T
}

/** The moves of a scenario: what can happen in a state, and the laws that hold at each. */
export class Moves {
  private readonly worlds = new Book<World>()
  private readonly messages = new Book<Message & { hearers: Fn[] }>()
  private readonly unders = new Book<UnderWay>()
  private readonly known = new Map<number, Outcomes>()
  private readonly gone = new Map<string, Ran>()
  private readonly labels: string[] = []
  private readonly stimuli: { label: string; fn: Fn; message: number }[]
  private readonly names: ReadonlyMap<string, string>
  readonly first: State
  /** What is looked at now: the move that breaks a law, where one does. */
  looking = ''

  constructor(private readonly scenario: Scenario) {
    this.names = namesOf(scenario)
    this.stimuli = stimuliOf(scenario).map(({ label, fn, message }) => ({ label, fn, message: this.numberOf(message) }))
    const world = this.enterWorld(begin(scenario))
    this.first = { world, sent: [], pending: [], under: none, overtakings: scenario.overtaken ?? 0 }
  }

  static key = ({ world, sent, pending, under, overtakings }: State): string =>
    `${world} ${under} ${overtakings} ${sent.join()} ${pending.join()}`

  /** All that can happen, each of which changes something; how much else would change nothing. */
  async from(state: State): Promise<{ moves: Move[]; idle: number }> {
    const moves: Move[] = []
    let idle = 0
    const add = (label: string, to: State) => {
      if (to === state) idle++
      else moves.push({ label, to })
    }
    for (const { label, fn, message } of this.stimuli) {
      this.looking = label
      this.note(state, label, fn, none, await this.outcomes(state.world, fn, message), add)
    }
    for (const message of state.sent) {
      for (const [index, fn] of this.messages.at(message).hearers.entries()) {
        const pair = message * mostFunctions + index
        const waits = state.pending.includes(pair)
        if (!waits && !this.scenario.repeats) continue
        const label = this.labels[pair] as string
        this.looking = label
        const known = this.outcomes(state.world, fn, message)
        const outcomes = known instanceof Promise ? await known : known
        this.note(state, label, fn, waits ? pair : none, outcomes, add)
      }
    }
    if (state.under !== none) {
      const under = this.unders.at(state.under)
      const label = `${under.fn.name} ${this.nameOf(under.message)} goes on`
      this.looking = label
      const ran = await this.resumed(state.world, state.under)
      const message = this.numberOf(under.message)
      const index = this.messages.at(message).hearers.indexOf(under.fn)
      const to = { ...this.after(state, ran, message * mostFunctions + index), under: none }
      add(label, to)
    }
    this.looking = ''
    return { moves, idle }
  }

  /** Where nothing is left to do, what has to hold then. */
  async check({ world, sent, pending, under }: State, ended: boolean): Promise<void> {
    if (pending.length === 0 && under === none) {
      const messages = sent.map(this.messages.at)
      checkSettled(this.worlds.at(world), messages)
      await checkRebuilt(this.worlds.at(world), messages)
    } else if (ended) throw new Broken('what was sent is handled in the end')
  }

  private note(
    state: State,
    label: string,
    fn: Fn,
    pair: number,
    { ran, unanswered }: Outcomes,
    add: (label: string, to: State) => void,
  ): void {
    const { dies } = this.scenario
    add(label, this.after(state, ran, pair))
    for (const [index, stop] of ran.stops.entries()) {
      const last = index === ran.stops.length - 1 && ran.sent.length === stop.sent.length
      if (dies) add(`${label} dies after ${index + 1}`, this.told(state, stop.world, stop.sent))
      // Where it is overtaken at its end and emits nothing, that is no other order of things.
      if (state.overtakings === 0 || state.under !== none || last || (pair === none && fn.mode !== 'rpc')) continue
      const told = this.told(state, stop.world, stop.sent)
      add(`${label} is overtaken after ${index + 1}`, {
        ...told,
        under: stop.under,
        overtakings: state.overtakings - 1,
      })
    }
    if (unanswered) add(`${label} gets no answer`, this.after(state, unanswered, pair))
  }

  /** The state after a run: what it was handed is done where it returned. */
  private after(state: State, { kind, world, sent }: Ran, pair: number): State {
    const told = this.told(state, world, sent)
    if (kind !== 'returned' || pair === none) return told
    return { ...told, pending: told.pending.filter((one) => one !== pair) }
  }

  private told(state: State, world: number, sent: number[]): State {
    const fresh = sent.filter((message) => !state.sent.includes(message))
    if (fresh.length === 0) return world === state.world ? state : { ...state, world }
    const ids = state.sent.map((message) => this.messages.at(message).id)
    for (const message of fresh) {
      const { id } = this.messages.at(message)
      if (ids.includes(id)) throw new Broken(`${id} is told in two ways`)
    }
    const pending = fresh.flatMap((message) =>
      this.messages.at(message).hearers.map((_, index) => message * mostFunctions + index),
    )
    const inOrder = (one: number, other: number) => one - other
    return {
      ...state,
      world,
      sent: [...state.sent, ...fresh].sort(inOrder),
      pending: [...state.pending, ...pending].sort(inOrder),
    }
  }

  /** What a handler makes of a message depends on the world alone, so each is run once in each. */
  private outcomes(world: number, fn: Fn, message: number): Outcomes | Promise<Outcomes> {
    const key = (world * 1_024 + message) * mostFunctions + functions.indexOf(fn)
    const known = this.known.get(key)
    if (known) return known
    return this.tried(world, fn, message).then((outcomes) => {
      this.known.set(key, outcomes)
      return outcomes
    })
  }

  private async tried(world: number, fn: Fn, message: number): Promise<Outcomes> {
    const ran = await this.fresh(world, fn, message)
    if (!this.scenario.lost || !fn.name.startsWith('payment/')) return { ran }
    outside.answersAreLost = true
    const unanswered = await this.fresh(world, fn, message).finally(() => {
      outside.answersAreLost = false
    })
    return { ran, unanswered }
  }

  private async fresh(world: number, fn: Fn, message: number): Promise<Ran> {
    clock.now += 1_000
    const under = { fn, message: this.messages.at(message), startedAt: clock.now, results: [] }
    const ended = await execute(this.worlds.at(world), under)
    await this.checkRun(under, ended)
    return this.enterRun(world, under, ended)
  }

  private async resumed(world: number, number: number): Promise<Ran> {
    const key = `${world} ${number}`
    const under = this.unders.at(number)
    const ran = this.gone.get(key) ?? this.enterRun(world, under, await execute(this.worlds.at(world), under))
    this.gone.set(key, ran)
    return ran
  }

  private enterRun(before: number, under: UnderWay, { kind, error, world, sent, stops }: Ended): Ran {
    if (kind === 'failed') throw new Broken(`${under.fn.name} failed: ${(error as Error)?.stack ?? error}`)
    if (kind === 'refused' && under.fn.mode !== 'rpc') throw new Broken(`${under.fn.name}: a dead letter, ${error}`)
    const overtaken = under.results.length > 0
    for (const stop of [...stops, { world }]) checkStep(this.worlds.at(before), stop.world, overtaken)
    return {
      kind,
      world: this.enterWorld(world),
      sent: sent.map(this.numberOf),
      stops: stops.map(({ world, sent, results }) => ({
        world: this.enterWorld(world),
        sent: sent.map(this.numberOf),
        under: this.enterUnder({ ...under, results }),
      })),
    }
  }

  /** What returned is handed again a second later: it changes nothing and says the same to the byte. */
  private async checkRun(under: UnderWay, { kind, world, sent }: Ended): Promise<void> {
    if (kind !== 'returned' || under.fn.mode === 'rpc') return
    const again = await execute(world, { ...under, startedAt: under.startedAt + 1_000 })
    const same = distinct(again.sent) === distinct(sent) && keyOf(again.world) === keyOf(world)
    if (!same) throw new Broken(`${under.fn.name} does or says something else at a repeat`)
  }

  private enterWorld(world: World): number {
    return this.worlds.enter(keyOf(world), () => {
      checkWorld(world)
      return world
    })
  }

  private numberOf = (message: Message): number =>
    this.messages.enter(`${message.id} ${timeless(message.body)}`, () => {
      const hearers = message.subject.startsWith('rpc.') ? [] : hearing(message.subject)
      for (const [index, { name }] of hearers.entries()) {
        this.labels[this.messages.values.length * mostFunctions + index] = `${name} ${this.nameOf(message)}`
      }
      return { ...message, hearers }
    })

  private nameOf({ id }: Message): string {
    return id.replace(/:([0-9A-Z]{26})$/, (_, order: string) =>
      this.names.size > 1 ? ` ${this.names.get(order)}` : '',
    )
  }

  private enterUnder(under: UnderWay): number {
    const { fn, message, results } = under
    return this.unders.enter(`${fn.name} ${this.numberOf(message)} ${timeless(results)}`, () => under)
  }
}

/** The broker keeps one message of a name, whether it was published or emitted. */
const distinct = (sent: Ended['sent']): string => [...new Set(sent.map((one) => JSON.stringify(one)))].join()
