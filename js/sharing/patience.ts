/**
 * When a leader counts as gone although its lock is held: it was asked for a sign of life, tick after tick, and the same
 * page or worker held the lock all the while. Time is counted in ticks of this tab, so that one which was frozen itself
 * does not blame the leader for it.
 */

export const TICK_MS = 100
/** Silent ticks until the lock is stolen. */
const TICKS = 4
/** Of one that is reading the storage, which may take it some seconds without a pause. */
const TICKS_OPENING = 50
const TICKS_MAX = 100
/** A steal that another steal follows soon was too hasty; the machine is slow, not the leader dead. */
const CALM_MS = 30_000

export class Patience {
  readonly #now: () => number
  #silentTicks = 0
  #suspect: string | null = null
  #isOpening = false
  #factor = 1
  #stolenAtMs = -Infinity

  constructor(now: () => number) {
    this.#now = now
  }

  /** The leader said something. */
  heard(isOpening: boolean): void {
    this.#silentTicks = 0
    this.#isOpening = isOpening
  }

  /** Whether it did not answer the last time either. */
  get isSilent(): boolean {
    return this.#silentTicks > 1
  }

  /** Begins anew: whoever is silent from now on is another. */
  reset(): void {
    this.heard(false)
    this.#suspect = null
  }

  /** Counts a tick in which nothing was heard; true when `holder` asks too much. */
  isExhausted(holder: string | null): boolean {
    if (holder === null || holder !== this.#suspect) {
      this.#suspect = holder
      this.#silentTicks = 0
    }
    this.#silentTicks += 1
    const ticks = Math.min((this.#isOpening ? TICKS_OPENING : TICKS) * this.#factor, TICKS_MAX)
    return holder !== null && this.#silentTicks >= ticks
  }

  stole(): void {
    const now = this.#now()
    this.#factor = now - this.#stolenAtMs < CALM_MS ? this.#factor * 2 : 1
    this.#stolenAtMs = now
    this.reset()
  }
}
