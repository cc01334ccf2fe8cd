/**
 * CoreVectors: of an engine, the calls about vectors that lie in storage and about the memory budget
 * (core/include/omendb/engine.h, "Vectors in storage").
 *
 * Calls that compare or return vectors throw `VectorsWanted` when some are not in memory: search, get, list,
 * frameRestore, work, nextCheckpointObject. js/engine/vector-reader.ts makes them.
 */
import { errorFromCode } from '../errors/omen-error.js'
import type { CoreBoundary } from './core-boundary.js'

/** Bytes of a stored object: `[start, end)`. */
export interface ObjectRange {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** A `WantedRange` of core/include/omendb/engine.h: a name and zeros, two u64. */
const RANGE_BYTES = 48
const RANGE_NAME_BYTES = 32

function decodeRanges(bytes: Uint8Array): ObjectRange[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / RANGE_BYTES }, (_, i) => {
    const at = i * RANGE_BYTES
    const name = String.fromCharCode(
      ...bytes.subarray(at, at + RANGE_NAME_BYTES).filter((byte) => byte !== 0),
    )
    const start = Number(view.getBigUint64(at + RANGE_NAME_BYTES, true))
    return { name, start, end: start + Number(view.getBigUint64(at + RANGE_NAME_BYTES + 8, true)) }
  })
}

/** Whether a write fits into the memory budget: core/include/omendb/engine.h, `Engine::Room`. */
const ROOMS = ['enough', 'after work', 'after checkpoint', 'none'] as const
export type Room = (typeof ROOMS)[number]

/** What one call can bring: half of what wasm can address, because it is there twice. More would wrap at 32 bits. */
const TAKEN_BYTES_MAX = 2 ** 31 - 1

export class CoreVectors {
  readonly #boundary: () => CoreBoundary

  constructor(boundary: () => CoreBoundary) {
    this.#boundary = boundary
  }

  /** Before `openHead`: vectors of collections with at least so many bytes of them stay in storage. */
  leave(bytesMin: number): void {
    this.#boundary().enter((binding) => binding.leaveVectors(BigInt(bytesMin)))
  }

  /** Objects that were not loaded and must be there. After `finishLoad`. */
  leftObjectNames(): string[] {
    const boundary = this.#boundary()
    const count = boundary.enter((binding) => binding.leftObjectCount())
    return Array.from({ length: count }, (_, i) => boundary.name((binding) => binding.leftObjectName(i)))
  }

  /** 0: no bounds. `mayLeave`: objects can be read in ranges. */
  setBudget(bytes: number, mayLeave: boolean): void {
    this.#boundary().enter((binding) => binding.setMemoryBudget(BigInt(Math.floor(bytes)), mayLeave))
  }

  /** What the call wants that threw `VectorsWanted` last. */
  wanted(): ObjectRange[] {
    const boundary = this.#boundary()
    return decodeRanges(
      boundary.enter((binding) => {
        binding.wanted()
        return boundary.copy(binding.answerPointer(), binding.answerSize())
      }),
    )
  }

  /**
   * The bytes of all ranges wanted, one after the other: `fill` writes them to memory of the engine, and says whether it
   * did. `CORRUPTION`.
   */
  take(sizeBytes: number, fill: (into: Uint8Array) => boolean): boolean {
    const boundary = this.#boundary()
    if (sizeBytes > TAKEN_BYTES_MAX) {
      const message = `a call needs ${sizeBytes} bytes of vectors from storage at once; ask for fewer rows`
      throw errorFromCode('OUT_OF_MEMORY', message)
    }
    return boundary.enter((binding) => {
      const isFilled = fill(boundary.scratch(sizeBytes))
      const code = isFilled ? binding.takeWanted(sizeBytes) : 0
      boundary.trimScratch()
      boundary.unwrap(code)
      return isFilled
    })
  }

  /** Whether a write of so many bytes fits into the memory budget, now that what can has left memory. */
  makeRoom(bytes: number): Room {
    return ROOMS[this.#boundary().enter((binding) => binding.makeRoom(BigInt(bytes)))] ?? 'none'
  }
}
