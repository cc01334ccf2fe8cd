/**
 * Vectors that lie in storage only, on their way to the calls that want them.
 *
 * A call of the engine that lacks some throws `VectorsWanted`; they are read and the call is made again. Where the
 * storage can be read synchronously that happens in one turn. Else other requests come in between, so the call starts
 * anew when the bytes are there, and may want others then. What was read is kept until the call has gone through.
 */
import { errorFromCode } from '../errors/omen-error.js'
import { VectorsWanted } from '../wasm/core-boundary.js'
import type { CoreEngine } from '../wasm/core-engine.js'
import type { ObjectRange } from '../wasm/core-vectors.js'
import { macrotask } from './macrotask.js'
import { abortedError, asOmenError } from './protocol.js'
import type { Store } from './store.js'

/** After this long in one turn others get theirs. */
const TURN_MS = 8

interface FetchedRange extends ObjectRange {
  readonly bytes: Uint8Array
}

export class VectorReader {
  readonly #engine: CoreEngine
  readonly #store: Store

  constructor(engine: CoreEngine, store: Store) {
    this.#engine = engine
    this.#store = store
  }

  /** What the call returns, if all of it can be had in this turn; else `undefined`. */
  now<T>(call: () => T): T | undefined {
    const until = performance.now() + TURN_MS
    do {
      try {
        return call()
      } catch (error) {
        if (!(error instanceof VectorsWanted)) throw error
      }
    } while (this.#bringNow([]) && performance.now() < until)
    return undefined
  }

  /** The same, however long it takes. The call must be one that can be made again at any time. */
  async later<T>(call: () => T, signal?: AbortSignal): Promise<T> {
    return (await this.within(Number.POSITIVE_INFINITY, call, signal)) as T
  }

  /** The same, unless vectors are wanted more often than so: then `undefined`. */
  async within<T>(roundsMax: number, call: () => T, signal?: AbortSignal): Promise<T | undefined> {
    let fetched: FetchedRange[] = []
    /** Objects that were not there: once may be a checkpoint's doing, twice is not. */
    let lastMisses = new Set<string>()
    let turnStart = performance.now()
    for (let round = 0; round <= roundsMax; round += 1) {
      if (signal?.aborted === true) throw abortedError(signal, 'reading')
      try {
        return call()
      } catch (error) {
        if (!(error instanceof VectorsWanted)) throw error
      }
      if (!this.#bringNow(fetched)) {
        const wanted = this.#engine.vectors.wanted()
        const kept = fetched.filter((each) => wanted.some((range) => isWithin(range, each)))
        const { found, misses } = await this.#fetch(wanted, kept)
        const [missed] = misses.filter((range) => lastMisses.has(range.name))
        if (missed !== undefined) throw this.#absent(missed)
        lastMisses = new Set(misses.map(({ name }) => name))
        fetched = [...kept, ...found]
        turnStart = performance.now()
      } else if (performance.now() - turnStart > TURN_MS) {
        await macrotask()
        turnStart = performance.now()
      }
    }
    return undefined
  }

  /** In this turn where that is possible. */
  read<T>(call: () => T, signal?: AbortSignal): T | Promise<T> {
    const answer = this.now(call)
    return answer === undefined ? this.later(call, signal) : answer
  }

  /** Gives the engine what it wants, from what was fetched or by synchronous reads. False when neither has it all. */
  #bringNow(fetched: readonly FetchedRange[]): boolean {
    const wanted = this.#engine.vectors.wanted()
    const missing: ObjectRange[] = []
    const places: number[] = []
    let sizeBytes = 0
    const found: { at: number; bytes: Uint8Array }[] = []
    for (const range of wanted) {
      const source = fetched.find((each) => isWithin(range, each))
      if (source === undefined) {
        missing.push(range)
        places.push(sizeBytes)
      } else {
        const from = range.start - source.start
        found.push({ at: sizeBytes, bytes: source.bytes.subarray(from, from + range.end - range.start) })
      }
      sizeBytes += range.end - range.start
    }
    return this.#engine.vectors.take(sizeBytes, (into) => {
      for (const { at, bytes } of found) into.set(bytes, at)
      try {
        return missing.length === 0 || this.#store.readNow(missing, places, into)
      } catch (error) {
        // What is no OmenError would pass for a trap of the engine.
        throw asOmenError(error, 'STORAGE_FAILED')
      }
    })
  }

  #absent({ name }: ObjectRange): Error {
    if (this.#store.readOnlyReason === null) {
      return errorFromCode('CORRUPTION', `object ${name}: expected it to be stored, found nothing`)
    }
    const message = `object ${name} is gone: another writer has changed the database; open it again`
    return errorFromCode('CONFLICT', message)
  }

  async #fetch(wanted: readonly ObjectRange[], fetched: readonly FetchedRange[]) {
    const missing = wanted.filter((range) => !fetched.some((each) => isWithin(range, each)))
    const parts = await this.#store.readRanges(missing).catch((error: unknown) => {
      throw asOmenError(error, 'STORAGE_FAILED')
    })
    const misses: ObjectRange[] = []
    const found = missing.flatMap((range, i) => {
      const bytes = parts[i]
      // An object may have been replaced and deleted meanwhile: then the call wants another one next time.
      if (bytes === null || bytes === undefined) {
        misses.push(range)
        return []
      }
      if (bytes.length === range.end - range.start) return [{ ...range, bytes }]
      throw errorFromCode(
        'CORRUPTION',
        `object ${range.name}, byte ${range.start}: expected ${range.end - range.start} bytes of vectors, ` +
          `found ${bytes.length}`,
      )
    })
    return { found, misses }
  }
}

function isWithin(range: ObjectRange, outer: ObjectRange): boolean {
  return range.name === outer.name && range.start >= outer.start && range.end <= outer.end
}
