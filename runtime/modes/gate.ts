import { type Member, Members } from '../../connect/members'

/** Every message of the process passes here: beside the others, or alone, where it may have killed a process before. */
export interface Gate {
  /**
   * Resolves once nothing runs alone or waits to; undefined where it may begin at once. A request of a trace that is under
   * way does not wait, since who asks would wait for it, and neither does what `isAlone`.
   */
  begin(run: Passing): Promise<void> | undefined
  /** Tells that what began has ended. */
  end(run: Passing): void
  /** Lets nothing else begin, waits until what runs has ended, and does the work; one at a time, the others in between. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

interface Passing extends Member {
  run: { trace: string }
  asked: boolean
  isAlone?: boolean
}

export function openGate(): Gate {
  const underWay = new Members<Passing>()
  let opened: Promise<void> | undefined
  let onIdle: (() => void) | undefined
  let turn: Promise<unknown> = Promise.resolve()

  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    let open = () => {}
    opened = new Promise((resolve) => {
      open = resolve
    })
    if (underWay.size > 0) await new Promise<void>((resolve) => (onIdle = resolve))
    onIdle = undefined
    try {
      return await work()
    } finally {
      opened = undefined
      open()
    }
  }

  const begun = async (passing: Passing) => {
    const isKnown = () => passing.asked && underWay.all().some(({ run }) => run.trace === passing.run.trace)
    while (opened && !isKnown()) await opened
    underWay.add(passing)
  }

  return {
    begin(passing) {
      if (opened && !passing.isAlone) return begun(passing)
      underWay.add(passing)
      return undefined
    },
    end(passing) {
      underWay.delete(passing)
      if (underWay.size === 0) onIdle?.()
    },
    alone(work) {
      const mine = turn.then(() => inTurn(work))
      turn = mine.catch(() => undefined)
      return mine
    },
  }
}
