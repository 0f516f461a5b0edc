/** An `AbortController` that is made only where somebody looks at its signal: one costs more than many a handler. */
export class Life {
  #controller: AbortController | undefined
  #aborted: Error | undefined

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort(this.#aborted)
    return this.#controller.signal
  }

  abort(reason: Error): void {
    this.#aborted ??= reason
    this.#controller?.abort(reason)
  }
}
