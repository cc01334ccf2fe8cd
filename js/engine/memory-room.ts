/**
 * Room for writes within the memory budget. What may leave memory leaves it at once; rows that wait for the index, and
 * rows that only the WAL holds, leave it after background work and a checkpoint, so a write waits for those. What still
 * does not fit then the engine refuses with `LIMIT_EXCEEDED`.
 */
import type { CoreEngine } from '../wasm/core-engine.js'
import type { Room } from '../wasm/core-vectors.js'

export interface MemoryRoomOptions {
  /** Resolves when background work is done, or has failed. */
  readonly work: () => Promise<void>
  /** Writes a checkpoint. A failure is reported elsewhere. */
  readonly checkpoint: () => Promise<void>
}

/** Rows go through work, a checkpoint, and what that sets free: more rounds would find nothing new. */
const ROUNDS_MAX = 4

export class MemoryRoom {
  readonly #engine: CoreEngine
  readonly #options: MemoryRoomOptions

  constructor(engine: CoreEngine, options: MemoryRoomOptions) {
    this.#engine = engine
    this.#options = options
  }

  has(payloadBytes: number): boolean {
    return this.#state(payloadBytes) === 'enough'
  }

  async make(payloadBytes: number): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      switch (this.#state(payloadBytes)) {
        case 'after work':
          await this.#options.work()
          break
        case 'after checkpoint':
          await this.#options.checkpoint()
          break
        case 'enough':
        case 'none':
          return
      }
    }
  }

  /** A payload is there as rows, and in its frame, whose memory grows by half at a time. */
  #state(payloadBytes: number): Room {
    return this.#engine.vectors.makeRoom(3 * payloadBytes)
  }
}
