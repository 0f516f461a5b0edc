export interface Member {
  /** Where it stands among those that it is one of. */
  place?: number
}

/**
 * Those that are under way, in no order; one object is a member of one alone. A `Set` or `Map` that thousands pass
 * through a second makes tables of which each holds the next: once one is old, the collector copies every later one and all
 * that stood in it, which was most of its work.
 */
export class Members<T extends Member> {
  readonly #all: T[] = []

  get size(): number {
    return this.#all.length
  }

  /** As they are now. */
  all(): T[] {
    return [...this.#all]
  }

  has(one: T): boolean {
    return one.place !== undefined && this.#all[one.place] === one
  }

  add(one: T): void {
    one.place = this.#all.push(one) - 1
  }

  /** Whether it was there. */
  delete(one: T): boolean {
    if (!this.has(one)) return false
    const last = this.#all.pop() as T
    if (last !== one) {
      last.place = one.place as number
      this.#all[last.place] = last
    }
    one.place = undefined
    return true
  }
}
