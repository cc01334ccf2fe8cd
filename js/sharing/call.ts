/**
 * A request of this tab, from its call to its answer. Leaders may come and go in between; the call keeps what the next
 * one needs to carry it out, and is settled once.
 */
import {
  abortedError,
  type RequestInput,
  type RequestKind,
  type RequestOptions,
  type RequestOutput,
} from '../engine/protocol.js'
import type { Token } from '../wasm/core-values.js'
import type { OmenError } from '../errors/omen-error.js'
import { STOPPABLE } from '../worker/messages.js'

export interface CallEvents {
  settled(call: Call): void
  /** An answer as this tab is to see it. */
  kept<O>(kind: RequestKind, output: O, term: string): O
}

export class Call<K extends RequestKind = RequestKind> {
  readonly kind: K
  readonly input: RequestInput<K>
  readonly options: RequestOptions
  readonly token: Token | undefined
  readonly output: Promise<RequestOutput<K>>
  /** A leader may have begun it. */
  isAttempted = false
  /** Tells the leader that has it that the signal fired. */
  onCancel: (() => void) | null = null
  #resolve!: (output: RequestOutput<K>) => void
  #reject!: (error: Error) => void
  #isSettled = false
  readonly #events: CallEvents

  constructor(
    kind: K,
    input: RequestInput<K>,
    options: RequestOptions,
    token: Token | undefined,
    events: CallEvents,
  ) {
    this.kind = kind
    this.input = input
    this.options = options
    this.token = token
    this.#events = events
    this.output = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    options.signal?.addEventListener('abort', this.abort, { once: true })
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  get isCancelled(): boolean {
    return this.options.signal?.aborted === true
  }

  /** `term`: of the leader that answered. */
  resolve(output: unknown, term: string): void {
    if (this.#settle()) this.#resolve(this.#events.kept(this.kind, output as RequestOutput<K>, term))
  }

  reject(error: OmenError): void {
    // The signal of another thread has another reason.
    if (error.code === 'ABORTED' && this.isCancelled) error.cause = this.options.signal?.reason
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.options.signal?.removeEventListener('abort', this.abort)
    this.#events.settled(this as unknown as Call)
    return true
  }

  /** Its signal fired. What a write did before only the leader that has it, or the next, can tell. */
  readonly abort = (): void => {
    const { signal } = this.options
    if (signal === undefined) return
    if (this.isAttempted && STOPPABLE.has(this.kind)) this.onCancel?.()
    else this.reject(abortedError(signal, this.kind))
  }
}
