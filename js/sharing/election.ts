/**
 * Who leads: the holder of one exclusive Web Lock. Every tab waits in its queue, so a leader that ends is followed at
 * once by the next. A leader that is there but does not answer loses the lock to a tab that steals it; that this does not
 * stop it is what the storage's epoch is for.
 *
 * Each tab also holds a lock of its own for as long as it lives, so that others can wait for its end.
 */
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import type { Environment } from './environment.js'
import type { ChannelNames } from './messages.js'

export interface ElectionEvents {
  elected(): void
  /** The lock was stolen. */
  deposed(): void
  /** The browser gives no lock. */
  failed(error: OmenError): void
}

/** As the browser says it of a lock that it gave and took before this tab heard of either. */
function isStolen(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

export class Election {
  readonly #environment: Environment
  readonly #names: ChannelNames
  readonly #tab: string
  readonly #events: ElectionEvents
  /** Ends the candidacy, or the leadership, under way. */
  #leave: (() => Promise<void>) | null = null
  #endLife: () => void = () => undefined
  #isElected = false

  constructor(environment: Environment, names: ChannelNames, tab: string, events: ElectionEvents) {
    this.#environment = environment
    this.#names = names
    this.#tab = tab
    this.#events = events
  }

  /** Resolves when this tab counts as alive. */
  async live(): Promise<void> {
    const end = new Promise<void>((resolve) => (this.#endLife = resolve))
    await new Promise<void>((begun, failed) => {
      const held = this.#environment.locks.request(this.#names.aliveLock(this.#tab), {}, () => {
        begun()
        return end
      })
      held.catch(failed)
    })
  }

  /** Resolves when `tab` has ended; never when `signal` fires first. */
  async watch(tab: string, signal: AbortSignal): Promise<void> {
    const options = { mode: 'shared', signal } as const
    await this.#environment.locks
      .request(this.#names.aliveLock(tab), options, async () => undefined)
      .catch(() => new Promise(() => undefined))
  }

  /** Waits in the queue. */
  join(): void {
    if (this.#leave === null) this.#request(false)
  }

  /** Takes the lock from a holder that does not answer. */
  async steal(): Promise<void> {
    if (this.#isElected) return
    await this.#leave?.()
    // The queue may have come to its turn meanwhile, or another steal begun.
    if (this.#leave === null) this.#request(true)
  }

  /** Gives the lock, or the place in the queue, up; resolves when another could have it. */
  async resign(): Promise<void> {
    await this.#leave?.()
  }

  async end(): Promise<void> {
    await this.resign()
    this.#endLife()
  }

  /** The page or worker that holds the lock; null when none does. */
  async holder(): Promise<string | null> {
    return (await this.#clients()).get(this.#names.leaderLock) ?? null
  }

  /** Asks the browser: a tab that was frozen may not have heard yet that it was deposed. */
  async isConfirmed(): Promise<boolean> {
    const clients = await this.#clients()
    const holder = clients.get(this.#names.leaderLock)
    return this.#isElected && holder !== undefined && holder === clients.get(this.#names.aliveLock(this.#tab))
  }

  async #clients(): Promise<Map<string | undefined, string | undefined>> {
    const { held = [] } = await this.#environment.locks.query()
    return new Map(held.map(({ name, clientId }) => [name, clientId]))
  }

  #request(steal: boolean): void {
    const queue = new AbortController()
    let release: () => void = () => queue.abort()
    const options = steal ? { steal } : { signal: queue.signal }
    let isGranted = false
    const over = this.#environment.locks
      .request(this.#names.leaderLock, options, async () => {
        if (queue.signal.aborted) return
        const released = new Promise<void>((resolve) => (release = resolve))
        isGranted = true
        this.#isElected = true
        this.#events.elected()
        await released
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      )
    let isLeaving = false
    const leave = async (): Promise<void> => {
      isLeaving = true
      this.#isElected = false
      release()
      await over
    }
    this.#leave = leave
    void over.then((error) => {
      if (this.#leave === leave) this.#leave = null
      if (isLeaving) return
      this.#isElected = false
      if (isGranted || isStolen(error)) this.#events.deposed()
      else this.#events.failed(errorFromCode('STORAGE_FAILED', 'the browser refused a Web Lock', error))
    })
  }
}
