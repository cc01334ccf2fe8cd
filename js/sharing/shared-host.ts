/**
 * SharedHost: one tab's part in a database that several tabs have open. One of them leads: its engine is the only one, and
 * answers the requests of all. When it ends, another reads the storage and goes on; calls that were under way are asked
 * again there, so that nobody notices but by the time it takes.
 *
 * To its own tab it is a host like any other. It runs where the engine would: in the tab's worker, or in place.
 *
 * Not here: how a leader is found out to be gone (patience.ts), and what is said (messages.ts).
 */
import {
  asOmenError,
  type HostPort,
  type RequestInput,
  type RequestKind,
  type RequestOptions,
  type RequestOutput,
} from '../engine/protocol.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import { Call } from './call.js'
import { needsToken } from './carry-out.js'
import { Election } from './election.js'
import type { Channel, Environment } from './environment.js'
import { Handles } from './handles.js'
import { LeaderLink } from './leader-link.js'
import { Leadership } from './leadership.js'
import { type ChannelNames, channelNames, type LobbyMessage } from './messages.js'
import { Patience, TICK_MS } from './patience.js'
import { Uploads } from './uploads.js'

export interface SharedHostOptions {
  readonly environment: Environment
  readonly database: string
  /** The storage's name: databases of one name in two storages are two. */
  readonly storage: string
  readonly engine: 'worker' | 'in-place'
  /** Reads the storage. `LOCKED` while a writer that shares nothing has it. */
  readonly openEngine: () => Promise<HostPort>
}

/** While the storage is read, others hear this often that it is being read. */
const OPENING_MS = 100
/** A writer that has just ended, or was just deposed, may be in the way for a moment ... */
const OPEN_PATIENCE_MS = 500
/** ... or, where files are open for one at a time, until it is woken up: worth waiting for with calls to be answered. */
const TAKEOVER_PATIENCE_MS = 30_000
const OPEN_RETRY_MS = 50
const NO_OPTIONS: RequestOptions = {}

type OwnRequests = {
  readonly [K in RequestKind]?: (input: RequestInput<K>, options: RequestOptions) => Promise<RequestOutput<K>>
}

export class SharedHost implements HostPort {
  readonly engine: 'worker' | 'in-place'
  readonly #options: SharedHostOptions
  readonly #environment: Environment
  readonly #names: ChannelNames
  readonly #client: bigint
  readonly #tab: string
  readonly #election: Election
  readonly #lobby: Channel
  readonly #link: LeaderLink
  readonly #patience: Patience
  readonly #uploads: Uploads
  readonly #handles = new Handles()
  /** Calls without an answer, oldest first. */
  readonly #calls = new Set<Call>()
  #partBytesMax = 0
  #lastRequest = 0n
  #leadership: Leadership | null = null
  /** The storage being read, or let go of, by this tab. */
  #changing: Promise<void> | null = null
  #term: string | null = null
  #stopTicking: (() => void) | null = null
  #failure: OmenError | null = null
  #closing: Promise<null> | null = null
  /** It will not lead any more. */
  #isLeaving = false
  /** Settles `open`. */
  #opened: { resolve: () => void; reject: (error: OmenError) => void } | null = null

  /** Resolves when there is a leader, this tab or another. */
  static async open(options: SharedHostOptions): Promise<SharedHost> {
    const host = new SharedHost(options)
    await host.#open()
    return host
  }

  private constructor(options: SharedHostOptions) {
    const { environment, storage, database } = options
    this.engine = options.engine
    this.#options = options
    this.#environment = environment
    this.#names = channelNames(storage, database)
    this.#client = environment.random()
    this.#tab = this.#client.toString(16)
    this.#patience = new Patience(() => environment.now())
    this.#uploads = new Uploads((kind, input, given) => this.#call(kind, input, given))
    this.#election = new Election(environment, this.#names, this.#tab, {
      elected: () => this.#change(() => this.#lead()),
      deposed: () => this.#step(null),
      failed: (error) => this.#fail(error),
    })
    this.#lobby = environment.openChannel(this.#names.lobby, (said) => this.#hear(said as LobbyMessage))
    this.#link = new LeaderLink(environment, this.#names.tabChannel(this.#tab), {
      welcomed: (term, partBytesMax) => this.#follow(term, partBytesMax),
      heard: () => this.#patience.heard(false),
      lost: (call) => this.#dispatch(call),
    })
  }

  get partBytesMax(): number {
    return this.#partBytesMax
  }

  request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<RequestOutput<K>> {
    if (kind === 'close') return this.#close()
    if (this.#closing !== null) return Promise.reject(this.#closedError())
    const own = this.#own[kind]
    return own === undefined ? this.#call(kind, input, options) : own(input, options)
  }

  /** Requests that are more than a question to the leader. */
  readonly #own: OwnRequests = {
    stagePart: (input, options) => this.#uploads.stage(input, options),
    commitUpload: ({ upload }, options) => this.#uploads.commit(upload, options),
    discardUpload: async ({ upload }) => this.#uploads.discard(upload),
    databaseStats: async (_input, options) => {
      const stats = await this.#call('databaseStats', null, options)
      return { ...stats, role: this.#leadership === null ? 'follower' : 'leader' }
    },
  }

  #call<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<RequestOutput<K>> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const call = new Call(kind, this.#ownInput(kind, input), options, this.#tokenFor(kind), {
      settled: (settled) => {
        this.#calls.delete(settled)
        this.#handles.settled(settled.kind, settled.input)
      },
      kept: (of, output, term) => this.#handles.kept(of, output, term),
    })
    if (call.isCancelled) call.abort()
    else {
      this.#calls.add(call as unknown as Call)
      this.#dispatch(call as unknown as Call)
    }
    return call.output
  }

  #tokenFor(kind: RequestKind) {
    if (!needsToken(kind)) return undefined
    this.#lastRequest += 1n
    return { client: this.#client, request: this.#lastRequest }
  }

  /** In place a query is the caller's own array, read before the call returns or copied. */
  #ownInput<K extends RequestKind>(kind: K, input: RequestInput<K>): RequestInput<K> {
    if (kind !== 'search' || this.engine === 'worker' || this.#leadership?.isImmediate === true) return input
    const search = input as RequestInput<'search'>
    return { ...search, queries: search.queries.slice() }
  }

  #dispatch(call: Call): void {
    const term = this.#leadership?.term ?? this.#link.term
    if (term !== null) {
      let input: RequestInput<RequestKind>
      try {
        input = this.#handles.resolved(call.kind, call.input, term, call.isAttempted)
      } catch (error) {
        call.reject(asOmenError(error))
        return
      }
      if (this.#leadership !== null) {
        void this.#leadership.run(call, input)
        return
      }
      this.#link.send(call, input)
    }
    this.#watchLeader()
  }

  #dispatchAll(): void {
    for (const call of [...this.#calls]) this.#dispatch(call)
  }

  async #open(): Promise<void> {
    const opened = new Promise<void>((resolve, reject) => {
      this.#opened = { resolve, reject }
    })
    try {
      await this.#election.live()
      this.#election.join()
      this.#hello()
      this.#watchLeader()
      await opened
    } catch (error) {
      this.#fail(asOmenError(error))
      throw error
    } finally {
      this.#opened = null
    }
  }

  /** One change of roles at a time. */
  #change(work: () => Promise<void>): void {
    const before = this.#changing ?? Promise.resolve()
    const change = before.then(work).catch((error: unknown) => this.#fail(asOmenError(error)))
    this.#changing = change
    void change.then(() => {
      if (this.#changing === change) this.#changing = null
    })
  }

  /** Elected: reads the storage, then answers. */
  async #lead(): Promise<void> {
    if (this.#failure !== null || this.#isLeaving) return
    const term = this.#environment.random().toString(16)
    this.#term = term
    this.#link.disconnect()
    this.#announce('opening', term)
    const stop = this.#environment.every(OPENING_MS, () => this.#announce('opening', term))
    let host: HostPort
    try {
      host = await this.#openEngine(term)
    } catch (error) {
      if (this.#term !== term) return
      throw error
    } finally {
      stop()
    }
    if (this.#term !== term) {
      // Deposed meanwhile.
      await host.request('relinquish', null).catch(() => undefined)
      return
    }
    this.#partBytesMax = host.partBytesMax
    const { environment } = this.#options
    const onOver = (failure: OmenError | null): void => this.#step(failure)
    const leadership = new Leadership({
      ...{ environment, election: this.#election, names: this.#names, term, host, onOver },
    })
    this.#leadership = leadership
    this.#announce('leading', term)
    this.#patience.reset()
    this.#opened?.resolve()
    this.#dispatchAll()
  }

  async #openEngine(term: string): Promise<HostPort> {
    const now = (): number => this.#environment.now()
    const untilMs = now() + (this.#opened === null ? TAKEOVER_PATIENCE_MS : OPEN_PATIENCE_MS)
    for (;;) {
      try {
        return await this.#options.openEngine()
      } catch (error) {
        if (asOmenError(error).code !== 'LOCKED' || now() > untilMs || this.#term !== term) throw error
        await this.#environment.after(OPEN_RETRY_MS)
      }
    }
  }

  /** No longer the leader, or no longer to be one. The next may be this tab again. */
  #step(failure: OmenError | null): void {
    this.#term = null
    const leadership = this.#leadership
    this.#leadership = null
    const closed = leadership?.end('relinquish').closed.catch(() => undefined)
    this.#change(async () => {
      await closed
      if (failure !== null) this.#fail(failure)
      if (this.#failure !== null) return
      await this.#election.resign()
      this.#election.join()
      this.#hello()
      this.#watchLeader()
    })
  }

  #follow(term: string, partBytesMax: number): void {
    if (this.#term !== null || this.#failure !== null) return
    this.#patience.heard(false)
    if (this.#link.term === term) return
    this.#partBytesMax = partBytesMax
    this.#link.connect(term)
    this.#opened?.resolve()
    this.#dispatchAll()
  }

  #hear(said: LobbyMessage): void {
    switch (said.type) {
      case 'hello':
        if (this.#leadership !== null) void this.#leadership.welcome(said.tab)
        else if (this.#term !== null) this.#announce('opening', this.#term)
        return
      case 'opening':
        this.#patience.heard(true)
        return
      case 'leading':
        this.#patience.heard(false)
        if (this.#leadership === null) this.#hello()
        return
    }
  }

  #hello(): void {
    this.#lobby.post({ type: 'hello', tab: this.#tab } satisfies LobbyMessage)
  }

  #announce(type: 'opening' | 'leading', term: string): void {
    this.#lobby.post({ type, term } satisfies LobbyMessage)
  }

  /** While anything waits for an answer, the leader has to show that it is there. */
  #watchLeader(): void {
    if (this.#stopTicking !== null || !this.#isWaiting) return
    this.#patience.reset()
    const stop = this.#environment.every(TICK_MS, () => {
      if (this.#isWaiting) void this.#tick()
      else {
        stop()
        this.#stopTicking = null
      }
    })
    this.#stopTicking = stop
  }

  get #isWaiting(): boolean {
    if (this.#leadership !== null || this.#failure !== null) return false
    return this.#calls.size > 0 || this.#opened !== null
  }

  async #tick(): Promise<void> {
    this.#link.ping()
    // Asked of whoever may lead by now: this tab may have missed the announcement.
    if (this.#link.term === null || this.#patience.isSilent) this.#hello()
    const holder = await this.#election.holder()
    if (!this.#isWaiting || this.#term !== null || !this.#patience.isExhausted(holder)) return
    this.#patience.stole()
    this.#link.disconnect()
    await this.#election.steal()
  }

  /** Nothing more can be done by this tab; others go on. */
  #fail(failure: OmenError): void {
    if (this.#failure !== null) return
    this.#failure = failure
    for (const call of [...this.#calls]) call.reject(failure)
    this.#opened?.reject(failure)
    void this.#leave()
  }

  async #leave(): Promise<void> {
    this.#stopTicking?.()
    this.#stopTicking = null
    this.#link.close()
    this.#lobby.close()
    await this.#election.end()
  }

  #close(): Promise<null> {
    this.#closing ??= this.#closeOnce()
    return this.#closing
  }

  async #closeOnce(): Promise<null> {
    await Promise.allSettled([...this.#calls].map((call) => call.output))
    this.#isLeaving = true
    while (this.#changing !== null) await this.#changing
    const leadership = this.#leadership
    this.#leadership = null
    this.#term = null
    try {
      // Those who follow wait for the storage, and need no checkpoint to read it.
      if (leadership !== null) await leadership.end(leadership.hasFollowers ? 'relinquish' : 'close').closed
    } finally {
      await this.#leave()
    }
    return null
  }

  #closedError(): OmenError {
    return errorFromCode('CLOSED', `the database ${JSON.stringify(this.#options.database)} was closed`)
  }
}
