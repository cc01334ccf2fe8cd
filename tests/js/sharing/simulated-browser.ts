/**
 * A browser with tabs, in virtual time: Web Locks, channels between tabs, timers and storage, each as slow, and the
 * channels as lossy, as a seed makes them. Tabs can be frozen, thawed and killed at any instant.
 *
 * What a frozen tab would have done waits, or is lost, until it is thawed; of a killed one nothing more is heard. The
 * engines are real and run in this thread: whatever they do between two events takes no virtual time.
 */
import type { Channel, Environment, LockOptions } from '../../../js/sharing/environment.js'

export interface BrowserOptions {
  readonly random: () => number
  /** The share of messages that do not arrive. */
  readonly loss: number
  /** The share of messages that arrive twice. */
  readonly duplication: number
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

interface LockRequest {
  readonly tab: SimulatedTab
  readonly mode: 'exclusive' | 'shared'
  readonly callback: () => Promise<void>
  readonly settle: { resolve: () => void; reject: (error: Error) => void }
}

interface Lock {
  held: LockRequest[]
  queue: LockRequest[]
}

interface Receiver {
  readonly tab: SimulatedTab
  readonly name: string
  readonly receive: (message: unknown) => void
  isOpen: boolean
}

const DELAY_MAX_MS = 4

export class SimulatedBrowser {
  readonly random: () => number
  readonly #duplication: number
  loss: number
  readonly #locks = new Map<string, Lock>()
  readonly #receivers = new Set<Receiver>()
  #events: Event[] = []
  #order = 0
  #instant = 0
  nowMs = 0

  constructor(options: BrowserOptions) {
    this.random = options.random
    this.loss = options.loss
    this.#duplication = options.duplication
  }

  newTab(): SimulatedTab {
    return new SimulatedTab(this)
  }

  at(delayMs: number, run: () => void): void {
    this.#events.push({ atMs: this.nowMs + delayMs, order: this.#order++, run })
  }

  delay(): number {
    return this.random() * DELAY_MAX_MS
  }

  /** Lets virtual time pass, or less of it when `until` becomes true. */
  async run(durationMs: number, until: () => boolean = () => false): Promise<void> {
    const endMs = this.nowMs + durationMs
    for (;;) {
      await this.#settled()
      if (until()) return
      const next = this.#events.reduce<Event | null>((first, each) => earlier(first, each), null)
      if (next === null || next.atMs > endMs) {
        this.nowMs = endMs
        return
      }
      this.#events = this.#events.filter((each) => each !== next)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
  }

  /** What takes real time takes no virtual time. */
  async instantly<T>(work: Promise<T>): Promise<T> {
    this.#instant += 1
    try {
      return await work
    } finally {
      this.#instant -= 1
    }
  }

  /** What runs in this thread by itself between two events has run. */
  async #settled(): Promise<void> {
    do {
      for (let i = 0; i < 4; i += 1) await new Promise((resolve) => setImmediate(resolve))
    } while (this.#instant > 0)
  }

  openChannel(tab: SimulatedTab, name: string, receive: (message: unknown) => void): Channel {
    const receiver: Receiver = { tab, name, receive, isOpen: true }
    this.#receivers.add(receiver)
    // Messages of one channel overtake each other no more than in a browser.
    const arrivals = new Map<Receiver, number>()
    return {
      post: (message) => {
        if (!receiver.isOpen) throw new Error(`the channel ${name} is closed`)
        for (const each of this.#receivers) {
          if (each === receiver || each.name !== name || tab.isDead) continue
          if (this.random() < this.loss) continue
          const copies = this.random() < this.#duplication ? 2 : 1
          const atMs = Math.max(this.nowMs + this.delay(), arrivals.get(each) ?? 0)
          arrivals.set(each, atMs)
          for (let i = 0; i < copies; i += 1) {
            const copy = structuredClone(message)
            this.at(atMs - this.nowMs, () => this.#deliver(each, copy))
          }
        }
      },
      close: () => {
        receiver.isOpen = false
        this.#receivers.delete(receiver)
      },
    }
  }

  #deliver(receiver: Receiver, message: unknown): void {
    // Browsers promise frozen tabs nothing: some messages wait, some are gone.
    if (receiver.tab.isFrozen && this.random() < 0.5) return
    receiver.tab.do(() => {
      if (receiver.isOpen) receiver.receive(message)
    })
  }

  requestLock(
    tab: SimulatedTab,
    name: string,
    options: LockOptions,
    callback: () => Promise<void>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const mode = options.mode ?? 'exclusive'
      const request: LockRequest = { tab, mode, callback, settle: { resolve, reject } }
      const leave = (): void => {
        const lock = this.#lock(name)
        if (lock.held.includes(request)) return
        lock.queue = lock.queue.filter((each) => each !== request)
        reject(abortError())
        this.#grant(name)
      }
      if (options.signal?.aborted === true) {
        reject(abortError())
        return
      }
      options.signal?.addEventListener('abort', leave)
      this.at(this.delay(), () => {
        if (tab.isDead || options.signal?.aborted === true) return
        if (options.steal === true) this.#steal(name, request)
        else this.#lock(name).queue.push(request)
        this.#grant(name)
      })
    })
  }

  heldLocks(): { name: string; clientId: string }[] {
    return [...this.#locks].flatMap(([name, { held }]) =>
      held.map(({ tab }) => ({ name, clientId: tab.clientId })),
    )
  }

  /** All that a killed tab held and waited for. */
  releaseLocksOf(tab: SimulatedTab): void {
    for (const [name, lock] of this.#locks) {
      lock.held = lock.held.filter((each) => each.tab !== tab)
      lock.queue = lock.queue.filter((each) => each.tab !== tab)
      this.#grant(name)
    }
  }

  #lock(name: string): Lock {
    const lock = this.#locks.get(name) ?? { held: [], queue: [] }
    this.#locks.set(name, lock)
    return lock
  }

  #steal(name: string, request: LockRequest): void {
    const lock = this.#lock(name)
    for (const { tab, settle } of lock.held) {
      // Later than the callback, should that be on its way.
      this.at(DELAY_MAX_MS, () => tab.do(() => settle.reject(abortError())))
    }
    lock.held = []
    lock.queue.unshift(request)
  }

  #grant(name: string): void {
    const lock = this.#lock(name)
    for (;;) {
      const next = lock.queue[0]
      if (next === undefined) return
      const isFree = lock.held.every((each) => each.mode === 'shared' && next.mode === 'shared')
      if (!isFree) return
      lock.queue.shift()
      lock.held.push(next)
      this.at(this.delay(), () => next.tab.do(() => this.#hold(name, next)))
    }
  }

  #hold(name: string, request: LockRequest): void {
    void request.callback().then(() => {
      const lock = this.#lock(name)
      const isHeld = lock.held.includes(request)
      lock.held = lock.held.filter((each) => each !== request)
      if (!isHeld) return
      request.settle.resolve()
      this.#grant(name)
    })
  }
}

let clients = 0
let randoms = 0n

export class SimulatedTab {
  readonly clientId: string
  readonly #browser: SimulatedBrowser
  #waiting: (() => void)[] = []
  isFrozen = false
  isDead = false

  constructor(browser: SimulatedBrowser) {
    clients += 1
    this.clientId = `client ${clients}`
    this.#browser = browser
  }

  get environment(): Environment {
    const browser = this.#browser
    return {
      locks: {
        request: (name, options, callback) => browser.requestLock(this, name, options, callback),
        query: () =>
          new Promise((resolve) => {
            browser.at(browser.delay(), () => {
              const held = browser.heldLocks()
              this.do(() => resolve({ held }))
            })
          }),
      },
      openChannel: (name, receive) => browser.openChannel(this, name, receive),
      now: () => browser.nowMs,
      every: (intervalMs, callback) => {
        let isOn = true
        const next = (): void =>
          browser.at(intervalMs, () =>
            this.do(() => {
              if (!isOn) return
              callback()
              next()
            }),
          )
        next()
        return () => {
          isOn = false
        }
      },
      after: (delayMs) => new Promise((resolve) => browser.at(delayMs, () => this.do(resolve))),
      random: () => {
        // Different ones even where chance is taken out.
        randoms += 1n
        return (BigInt(Math.floor(browser.random() * 2 ** 32)) << 32n) + randoms
      },
    }
  }

  /** Does something in this tab: now, when it is thawed, or never. */
  do(task: () => void): void {
    if (this.isDead) return
    if (this.isFrozen) this.#waiting.push(task)
    else task()
  }

  /** An operation of the storage, which takes a while, and is done only by a tab that runs. */
  io<T>(operation: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#browser.at(this.#browser.delay(), () => this.do(() => void operation().then(resolve, reject)))
    })
  }

  freeze(): void {
    this.isFrozen = true
  }

  thaw(): void {
    this.isFrozen = false
    for (const task of this.#waiting.splice(0)) this.do(task)
  }

  kill(): void {
    this.isDead = true
    this.#waiting = []
    this.#browser.releaseLocksOf(this)
  }
}

function earlier(first: Event | null, each: Event): Event {
  if (first === null || each.atMs < first.atMs) return each
  return each.atMs === first.atMs && each.order < first.order ? each : first
}

function abortError(): Error {
  return new DOMException('The lock request was aborted', 'AbortError')
}
