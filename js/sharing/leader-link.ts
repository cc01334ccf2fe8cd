/**
 * This tab's way to the leader while it follows: its own channel, and the calls on their way through it.
 *
 * Messages may be lost (a frozen tab gets none) but never change their order. So a leader that answers a ping has seen
 * all that was sent before, and an attempt it does not know then is one whose request or answer was lost: the call is
 * sent again, marked as repeated.
 */
import { fromErrorRecord } from '../engine/protocol.js'
import type { Call } from './call.js'
import type { Channel, Environment } from './environment.js'
import { type FromLeader, isFromLeader, type ToLeader } from './messages.js'

export interface LinkEvents {
  /** A leader answered this tab's hello. */
  welcomed(term: string, partBytesMax: number): void
  /** A sign of life of the leader. */
  heard(): void
  /** The call's request or answer was lost. */
  lost(call: Call): void
}

export class LeaderLink {
  readonly #channel: Channel
  readonly #events: LinkEvents
  readonly #attempts = new Map<number, Call>()
  #lastAttempt = 0
  #term: string | null = null

  constructor(environment: Environment, channel: string, events: LinkEvents) {
    this.#events = events
    this.#channel = environment.openChannel(channel, (message) => {
      const said = message as ToLeader | FromLeader
      if (isFromLeader(said)) this.#receive(said)
    })
  }

  /** The leader that calls are sent to; null while there is none. */
  get term(): string | null {
    return this.#term
  }

  connect(term: string): void {
    this.disconnect()
    this.#term = term
  }

  /** The calls on their way are for someone else now. */
  disconnect(): void {
    this.#term = null
    for (const call of this.#attempts.values()) call.onCancel = null
    this.#attempts.clear()
  }

  /** `input`: the call's, as the leader understands it. */
  send(call: Call, input: unknown): void {
    const term = this.#term
    if (term === null) return
    this.#lastAttempt += 1
    const attempt = this.#lastAttempt
    const { kind, token, isCancelled, isAttempted } = call
    this.#attempts.set(attempt, call)
    call.isAttempted = true
    call.onCancel = () => this.#post({ type: 'cancel', term, attempt })
    const isRepeated = isAttempted
    this.#post({ type: 'request', term, attempt, kind, input, token, isRepeated, isCancelled })
  }

  ping(): void {
    // Those that a signal or another leader settled need no answer.
    if (this.#term !== null)
      this.#post({ type: 'ping', term: this.#term, attempts: [...this.#attempts.keys()] })
  }

  close(): void {
    this.disconnect()
    this.#channel.close()
  }

  #post(message: ToLeader): void {
    this.#channel.post(message)
  }

  #receive(message: FromLeader): void {
    if (message.type === 'welcome') {
      this.#events.welcomed(message.term, message.partBytesMax)
      return
    }
    if (message.term !== this.#term) return
    this.#events.heard()
    switch (message.type) {
      case 'output':
        this.#take(message.attempt)?.resolve(message.output, message.term)
        return
      case 'error':
        this.#take(message.attempt)?.reject(fromErrorRecord(message.error))
        return
      case 'progress':
        this.#attempts.get(message.attempt)?.options.onProgress?.(message.done, message.total)
        return
      case 'pong':
        for (const attempt of message.missing) {
          const call = this.#take(attempt)
          if (call !== undefined && !call.isSettled) this.#events.lost(call)
        }
        return
    }
  }

  #take(attempt: number): Call | undefined {
    const call = this.#attempts.get(attempt)
    if (call === undefined) return undefined
    this.#attempts.delete(attempt)
    call.onCancel = null
    return call
  }
}
