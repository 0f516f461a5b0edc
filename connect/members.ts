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
  // Never made shorter, since what an array has outgrown keeps what stood in it, too.
  readonly #all: (T | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** As they are now. */
  all(): T[] {
    return this.#all.slice(0, this.#size) as T[]
  }

  has(one: T): boolean {
    return one.place !== undefined && this.#all[one.place] === one
  }

  add(one: T): void {
    one.place = this.#size
    this.#all[this.#size++] = one
  }

  /** Whether it was there. */
  delete(one: T): boolean {
    if (!this.has(one)) return false
    const place = one.place as number
    const last = this.#all[--this.#size] as T
    last.place = place
    this.#all[place] = last
    this.#all[this.#size] = undefined
    one.place = undefined
    return true
  }
}
