/**
 * How CoreEngine crosses into wasm and back: arguments through the scratch region, codes into OmenErrors, answers out of
 * the heap, and what happens when wasm traps.
 *
 * When wasm traps (or throws anything at all) the instance's memory can no longer be trusted, although it would go on
 * answering. The engine is then *poisoned*: that call and all later ones throw `ENGINE_FAILED`.
 *
 * Not here: what the calls mean.
 */
import { codeFromNumber, errorFromCode, OmenError } from '../errors/omen-error.js'
import type { CoreInstance, EngineBinding } from './core-instance.js'

/** Arguments above this are rare (whole objects at opening); their memory is given back after the call. */
const SCRATCH_KEPT_BYTES = 1 << 20

const decoder = new TextDecoder()

/** kVectorsWanted of core/include/omendb/status.h. */
const VECTORS_WANTED = 255

/**
 * No error: the call needs vectors that lie in storage (`CoreEngine.wanted`). Whoever makes calls that may say so brings
 * them and calls again (js/engine/vector-reader.ts).
 */
export class VectorsWanted extends Error {}

/** Why the engines of one instance are unusable; `failure` is `null` while they are not. They share their memory. */
interface Trap {
  failure: { message: string; cause: unknown } | null
}

export class CoreBoundary {
  readonly #instance: CoreInstance
  readonly #binding: EngineBinding
  readonly #trap: Trap
  #disposed = false
  #scratchPointer = 0
  #scratchCapacity = 0

  /** `OUT_OF_MEMORY`. */
  static create(instance: CoreInstance, trap: Trap = { failure: null }): CoreBoundary {
    let binding: EngineBinding | null
    try {
      binding = instance.EngineBinding.create()
    } catch (cause) {
      throw errorFromCode('ENGINE_FAILED', `the engine could not be created: ${String(cause)}`, cause)
    }
    if (binding === null) throw errorFromCode('OUT_OF_MEMORY', 'not enough memory for a new engine')
    return new CoreBoundary(instance, binding, trap)
  }

  private constructor(instance: CoreInstance, binding: EngineBinding, trap: Trap) {
    this.#instance = instance
    this.#binding = binding
    this.#trap = trap
  }

  /** Another engine of the same instance. `OUT_OF_MEMORY`. */
  another(): CoreBoundary {
    return this.enter(() => CoreBoundary.create(this.#instance, this.#trap))
  }

  get failed(): boolean {
    return this.#trap.failure !== null
  }

  get statics(): CoreInstance['EngineBinding'] {
    return this.#instance.EngineBinding
  }

  get wasmMemoryBytes(): number {
    return this.#instance.HEAPU8.length
  }

  /** Idempotent; later calls throw `CLOSED`. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    // A poisoned instance is not entered again; its memory goes with the instance.
    if (this.#trap.failure !== null) return
    try {
      this.#binding.delete()
    } catch (cause) {
      this.#trap.failure = { message: 'the engine stopped while it was disposed of', cause }
    }
  }

  /** Every call into wasm goes through here: whatever it throws that is not one of our errors is a trap. */
  enter<T>(call: (binding: EngineBinding) => T): T {
    if (this.#trap.failure !== null)
      throw errorFromCode('ENGINE_FAILED', this.#trap.failure.message, this.#trap.failure.cause)
    if (this.#disposed) throw errorFromCode('CLOSED', 'the engine was disposed of')
    try {
      return call(this.#binding)
    } catch (error) {
      if (error instanceof OmenError || error instanceof VectorsWanted) throw error
      const message = `the engine stopped (${String(error)}); open the database again to recover what was committed`
      this.#trap.failure = { message, cause: error }
      throw errorFromCode('ENGINE_FAILED', message, error)
    }
  }

  check(call: (binding: EngineBinding) => number): void {
    this.enter((binding) => this.unwrap(call(binding)))
  }

  withBytes(bytes: Uint8Array, call: (binding: EngineBinding) => number): void {
    this.enter((binding) => {
      this.toScratch(bytes)
      const code = call(binding)
      if (this.#scratchCapacity > SCRATCH_KEPT_BYTES) this.#reserveScratch(0)
      this.unwrap(code)
    })
  }

  answer(call: (binding: EngineBinding) => number): Uint8Array<ArrayBuffer> {
    return this.enter((binding) => {
      this.unwrap(call(binding))
      return this.copy(binding.answerPointer(), binding.answerSize())
    })
  }

  number(call: (binding: EngineBinding) => number): bigint {
    return this.enter((binding) => {
      this.unwrap(call(binding))
      return binding.answerNumber()
    })
  }

  /** An answer that is an array of u64. */
  record(call: (binding: EngineBinding) => number): BigUint64Array {
    return new BigUint64Array(this.answer(call).buffer)
  }

  name(call: (binding: EngineBinding) => void): string {
    return this.enter((binding) => {
      call(binding)
      return this.#text(binding.namePointer(), binding.nameSize())
    })
  }

  takePlaceOf(other: CoreBoundary): void {
    this.check((binding) => binding.takePlaceOf(other.#binding))
  }

  unwrap(code: number): void {
    if (code === 0) return
    if (code === VECTORS_WANTED) throw new VectorsWanted()
    const message = this.#text(this.#binding.messagePointer(), this.#binding.messageSize())
    throw errorFromCode(codeFromNumber(code), message)
  }

  payload(bytes: Uint8Array): void {
    this.enter((binding) => {
      this.unwrap(binding.framePayload(bytes.length))
      this.#instance.HEAPU8.set(bytes, binding.answerPointer())
    })
  }

  /** Memory for an argument that is filled by the caller, at once. */
  scratch(size: number): Uint8Array {
    if (size > this.#scratchCapacity) this.#reserveScratch(size)
    return this.#instance.HEAPU8.subarray(this.#scratchPointer, this.#scratchPointer + size)
  }

  /** After a large argument. */
  trimScratch(): void {
    if (this.#scratchCapacity > SCRATCH_KEPT_BYTES) this.#reserveScratch(0)
  }

  toScratch(bytes: Uint8Array): void {
    if (bytes.length > this.#scratchCapacity) this.#reserveScratch(bytes.length)
    // HEAPU8 is read anew each time: a view dies when memory grows.
    this.#instance.HEAPU8.set(bytes, this.#scratchPointer)
  }

  #reserveScratch(size: number): void {
    this.#scratchCapacity = 0
    this.#scratchPointer = this.#binding.reserveScratch(size)
    if (size > 0 && this.#scratchPointer === 0) {
      throw errorFromCode('OUT_OF_MEMORY', `could not allocate ${size} bytes for an argument`)
    }
    this.#scratchCapacity = size
  }

  copy(pointer: number, size: number): Uint8Array<ArrayBuffer> {
    try {
      return this.#instance.HEAPU8.slice(pointer, pointer + size)
    } catch (cause) {
      // The wasm side is whole; it is JavaScript's heap that has no room.
      throw errorFromCode('OUT_OF_MEMORY', `could not allocate ${size} bytes for an answer`, cause)
    }
  }

  #text(pointer: number, size: number): string {
    return decoder.decode(this.#instance.HEAPU8.subarray(pointer, pointer + size))
  }
}
