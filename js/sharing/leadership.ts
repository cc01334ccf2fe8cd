/**
 * One term as the leader: this tab's engine, and what other tabs ask of it.
 *
 * A term ends when the lock is stolen, when a write finds the storage taken over, or when the engine can write no more.
 * From then on nothing is answered that another leader may answer differently: those who asked ask the next.
 */
import {
  asOmenError,
  fromErrorRecord,
  type HostPort,
  type RequestInput,
  type RequestKind,
  type RequestOptions,
  toErrorRecord,
} from '../engine/protocol.js'
import type { OmenError } from '../errors/omen-error.js'
import type { Call } from './call.js'
import { carryOut, needsToken } from './carry-out.js'
import type { Election } from './election.js'
import type { Channel, Environment } from './environment.js'
import { OpenStates } from './handles.js'
import { type ChannelNames, type FromLeader, isFromLeader, type ToLeader } from './messages.js'

/**
 * A tab that was silent for this long may have been frozen, and so deposed, without having heard of it. Others wait
 * half as long again before they depose it.
 */
const CONFIRMED_MS = 250

export interface LeadershipOptions {
  readonly environment: Environment
  readonly election: Election
  readonly names: ChannelNames
  readonly term: string
  readonly host: HostPort
  /** The term is over; `failure` when the engine is, too. Called once. */
  readonly onOver: (failure: OmenError | null) => void
}

interface Follower {
  readonly channel: Channel
  readonly underway: Map<number, AbortController>
  /** Attempts up to this one have arrived. */
  latest: number
  readonly states: OpenStates
  /** Ends waiting for the tab's end. */
  readonly watching: AbortController
}

export class Leadership {
  readonly #options: LeadershipOptions
  readonly #followers = new Map<string, Follower>()
  #isOver = false
  /** Ended by this tab itself, with its work still to finish. */
  #isClosing = false
  #confirmedAtMs: number
  #confirming: Promise<void> | null = null

  constructor(options: LeadershipOptions) {
    this.#options = options
    this.#confirmedAtMs = options.environment.now()
  }

  get term(): string {
    return this.#options.term
  }

  get host(): HostPort {
    return this.#options.host
  }

  get hasFollowers(): boolean {
    return this.#followers.size > 0
  }

  /** Whether a call of this tab would reach the engine before `run` returns. */
  get isImmediate(): boolean {
    return this.#confirming === null && this.#isFresh
  }

  /** Carries out a call of this tab; one that the term's end overtakes is left for the next leader. */
  async run(call: Call, input: RequestInput<RequestKind>): Promise<void> {
    if (!this.isImmediate) await this.#confirm()
    if (this.#isOver || call.isSettled) return
    const isRepeated = call.isAttempted
    call.isAttempted = true
    const { kind, token } = call
    const { signal, onProgress } = call.options
    try {
      const output = await carryOut(this.host, kind, input, { signal, onProgress, token }, isRepeated)
      call.resolve(output, this.term)
    } catch (error) {
      const omen = asOmenError(error)
      if (this.#isAnswer(omen)) call.reject(omen)
      this.#react(kind, omen)
    }
  }

  /** Another tab is there, or is there again. */
  async welcome(tab: string): Promise<void> {
    if (!this.isImmediate) await this.#confirm()
    if (this.#isOver) return
    const { term, host } = this.#options
    const follower = this.#followers.get(tab) ?? this.#follow(tab)
    follower.channel.post({ type: 'welcome', term, partBytesMax: host.partBytesMax } satisfies FromLeader)
  }

  /** No more is answered. `closed`: what was under way is done and the engine has let go of the storage. */
  end(how: 'close' | 'relinquish'): { readonly closed: Promise<unknown> } {
    this.#isClosing = !this.#isOver
    this.#isOver = true
    const forget = (): void => {
      for (const tab of [...this.#followers.keys()]) this.#forget(tab)
    }
    // Tabs that a deposed leader still answered would not look for the new one.
    if (!this.#isClosing) forget()
    return { closed: this.host.request(how, null).finally(forget) }
  }

  #follow(tab: string): Follower {
    const { environment, names, election } = this.#options
    const channel = environment.openChannel(names.tabChannel(tab), (message) => {
      const said = message as ToLeader | FromLeader
      if (!isFromLeader(said) && said.term === this.#options.term) void this.#receive(tab, said)
    })
    const follower: Follower = {
      ...{
        channel,
        underway: new Map(),
        latest: 0,
        states: new OpenStates(),
        watching: new AbortController(),
      },
    }
    this.#followers.set(tab, follower)
    void election.watch(tab, follower.watching.signal).then(() => this.#forget(tab))
    return follower
  }

  #forget(tab: string): void {
    const follower = this.#followers.get(tab)
    if (follower === undefined) return
    this.#followers.delete(tab)
    follower.watching.abort()
    follower.channel.close()
    this.#closeStates(follower)
  }

  /** Of a tab that is gone. */
  #closeStates({ states }: Follower): void {
    for (const { kind, input } of states.requests())
      void this.host.request(kind, input as RequestInput<RequestKind>).catch(() => undefined)
  }

  async #receive(tab: string, message: ToLeader): Promise<void> {
    if (!this.isImmediate) await this.#confirm()
    const follower = this.#followers.get(tab)
    if (follower === undefined) return
    const { term } = this.#options
    switch (message.type) {
      case 'request':
        if (!this.#isOver) await this.#serve(follower, message)
        return
      case 'cancel':
        follower.underway.get(message.attempt)?.abort()
        return
      case 'ping': {
        if (this.#isOver && !this.#isClosing) return
        // What a closing leader does not answer the next one will; until its lock is free nobody has to take it away.
        const missing = this.#isOver ? [] : message.attempts.filter((each) => !follower.underway.has(each))
        follower.channel.post({ type: 'pong', term, missing } satisfies FromLeader)
        return
      }
    }
  }

  async #serve(follower: Follower, request: ToLeader & { type: 'request' }): Promise<void> {
    const { attempt, token, isRepeated, isCancelled } = request
    if (attempt <= follower.latest) return
    follower.latest = attempt
    const { term } = this.#options
    const stopping = new AbortController()
    if (isCancelled) stopping.abort()
    follower.underway.set(attempt, stopping)
    const answer = (message: FromLeader): void => {
      follower.underway.delete(attempt)
      if (!follower.watching.signal.aborted) follower.channel.post(message)
    }
    const options: RequestOptions = {
      token,
      signal: stopping.signal,
      onProgress: (done, total) => {
        if (follower.underway.has(attempt) && !this.#isOver)
          follower.channel.post({ type: 'progress', term, attempt, done, total } satisfies FromLeader)
      },
    }
    const input = request.input as RequestInput<RequestKind>
    try {
      const output = await carryOut(this.host, request.kind, input, options, isRepeated)
      follower.states.note(request.kind, input, output)
      if (follower.watching.signal.aborted) this.#closeStates(follower)
      answer({ type: 'output', term, attempt, output })
    } catch (error) {
      const omen = asOmenError(error)
      if (this.#isAnswer(omen)) answer({ type: 'error', term, attempt, error: toErrorRecord(omen) })
      this.#react(request.kind, omen)
    }
  }

  /** Whether an error says something of the request, and not only that this leader is none any more. */
  #isAnswer({ code }: OmenError): boolean {
    return !this.#isOver && code !== 'LOCKED' && code !== 'READ_ONLY'
  }

  #react(kind: RequestKind, error: OmenError): void {
    if (this.#isOver) return
    if (error.code === 'ENGINE_FAILED') this.#over(error)
    // The engine writes no more once a write had an unknown outcome.
    else if (!this.#isAnswer(error) || (error.code === 'STORAGE_FAILED' && needsToken(kind))) this.#over(null)
  }

  #over(failure: OmenError | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onOver(failure && fromErrorRecord(toErrorRecord(failure)))
  }

  get #isFresh(): boolean {
    const now = this.#options.environment.now()
    const isFresh = now - this.#confirmedAtMs < CONFIRMED_MS
    // Whoever answers this often was not away long enough to be deposed unnoticed.
    if (isFresh) this.#confirmedAtMs = now
    return isFresh
  }

  /** What comes meanwhile waits, in its order. */
  #confirm(): Promise<void> {
    this.#confirming ??= this.#options.election.isConfirmed().then((isConfirmed) => {
      this.#confirming = null
      this.#confirmedAtMs = this.#options.environment.now()
      if (!isConfirmed) this.#over(null)
    })
    return this.#confirming
  }
}
