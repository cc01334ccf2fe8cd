/**
 * A disk that writes down what is done to it, and when: each operation with the instants at which it began and ended.
 * From that `crash-states.ts` makes what a crash at any instant may leave.
 *
 * An instant is a number that grows with every event, so that "before" is "smaller". Notes of the life that is lived on
 * the disk (what was asked for, what was acknowledged) take instants of the same clock.
 */
import type { StorageObject, StorageSession } from '../../storage/contract.js'
import { type SimulatedDisk, withSession } from '../js/engine/simulated-disk.js'

export type Change =
  | { readonly kind: 'put'; readonly objects: readonly StorageObject[]; readonly relaxed: boolean }
  | { readonly kind: 'head'; readonly head: Uint8Array }
  | { readonly kind: 'delete'; readonly names: readonly string[] }
  | { readonly kind: 'sync' }

export interface Operation {
  readonly change: Change
  readonly begin: number
  /** Infinity: it was never answered. */
  end: number
}

export class Journal {
  readonly disk: SimulatedDisk
  readonly operations: Operation[] = []
  /** What the disk held when the journal began; all of it durable. */
  readonly before: { readonly objects: ReadonlyMap<string, Uint8Array>; readonly head: Uint8Array | null }
  /** More than one at a time would break the contract between engine and adapters. */
  mostUnderWay = 0
  #now = 0
  #underWay = 0

  /** `pause`: what an operation waits for before it takes effect, so that others get their turn meanwhile. */
  constructor(disk: SimulatedDisk, pause: () => Promise<void>) {
    this.before = { objects: new Map(disk.objects), head: disk.head }
    const recorded = <T>(change: Change, work: () => Promise<T>): Promise<T> =>
      this.#record(change, async () => {
        await pause()
        return work()
      })
    this.disk = withSession(disk, (session): StorageSession => ({
      ...session,
      put: (objects, head, options) => {
        // The engine may use its buffer again.
        const kept = objects.map(({ name, bytes }) => ({ name, bytes: bytes.slice() }))
        const change = { kind: 'put', objects: kept, relaxed: options?.relaxed === true } as const
        return recorded(change, () => session.put(kept, head, options))
      },
      sync: () => recorded({ kind: 'sync' }, () => session.sync()),
      compareAndSetHead: (expected, next) =>
        recorded({ kind: 'head', head: next.slice() }, () => session.compareAndSetHead(expected, next)),
      delete: (names) => recorded({ kind: 'delete', names: [...names] }, () => session.delete(names)),
    }))
  }

  /** A new instant. */
  tick(): number {
    this.#now += 1
    return this.#now
  }

  /** The last instant so far. */
  get now(): number {
    return this.#now
  }

  async #record<T>(change: Change, work: () => Promise<T>): Promise<T> {
    const operation: Operation = { change, begin: this.tick(), end: Infinity }
    this.operations.push(operation)
    this.#underWay += 1
    this.mostUnderWay = Math.max(this.mostUnderWay, this.#underWay)
    try {
      const answer = await work()
      if (answer === false) throw new Error('the head was not replaced: nobody else writes here')
      operation.end = this.tick()
      return answer
    } finally {
      this.#underWay -= 1
    }
  }
}
