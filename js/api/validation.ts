/**
 * Checks of arguments that come from outside. Each failure says what was asked of which function, what
 * was expected and what was found.
 *
 * Not here: rows, ids and metadata (js/wasm/row-batch.ts checks them while it encodes), and whether
 * floats are finite (the core, on every path).
 */
import { abortedError } from '../engine/protocol.js'
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import {
  arraysOf,
  isStoredArray,
  unitOf,
  vectorLength,
  type VectorType,
  widen,
} from '../wasm/vector-types.js'
import type { Include, VectorLike } from './types.js'

/** What a collection's vectors are. */
export interface VectorKind {
  readonly dimensions: number
  readonly vectorType: VectorType
}

export const DIMENSIONS_MAX = 16_384
export const HITS_MAX = 1_000_000
export const EF_SEARCH_MAX = 1_000_000
export const COLLECTION_NAME_BYTES_MAX = 255

const INCLUDE_METADATA = 1
const INCLUDE_VECTORS = 2

export function invalid(what: string): OmenError {
  return errorFromCode('INVALID_ARGUMENT', what)
}

export function beyondLimit(what: string): OmenError {
  return errorFromCode('LIMIT_EXCEEDED', what)
}

/** A value as an error message shows it: short, and never its content when it is large. */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value)
  }
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (ArrayBuffer.isView(value) && 'length' in value) {
    return `a ${value.constructor.name} of ${String(value.length)}`
  }
  return `an object of class ${value.constructor?.name ?? '(none)'}`
}

/** `options` as a record with no key but `known` ones; `undefined` counts as `{}`. */
export function checkOptions<T extends object>(
  what: string,
  options: T | undefined,
  known: readonly (keyof T & string)[],
): Partial<T> {
  if (options === undefined) return {}
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(`${what}: options must be an object, found ${describe(options)}`)
  }
  for (const key in options) {
    if (!(known as readonly string[]).includes(key)) {
      throw invalid(`${what}: unknown option ${describe(key)}; known are ${known.join(', ')}`)
    }
  }
  return options
}

/** `INVALID_ARGUMENT` for what is no integer or too small, `LIMIT_EXCEEDED` for what is too large. */
export function checkInteger(what: string, value: unknown, least: number, most: number): number {
  const isInteger = typeof value === 'number' && Number.isInteger(value)
  if (isInteger && value >= least && value <= most) return value
  const problem = `${what} must be an integer from ${least} to ${most}, found ${describe(value)}`
  throw isInteger && value > most ? beyondLimit(problem) : invalid(problem)
}

export function checkBoolean(what: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise
  if (typeof value !== 'boolean') throw invalid(`${what} must be true or false, found ${describe(value)}`)
  return value
}

export function checkOneOf<T extends string>(what: string, value: unknown, allowed: readonly T[]): T {
  if (typeof value !== 'string' || !(allowed as readonly string[]).includes(value)) {
    const list = allowed.map((each) => `'${each}'`).join(', ')
    throw invalid(`${what} must be one of ${list}, found ${describe(value)}`)
  }
  return value as T
}

/** A string, not empty, without lone surrogates: two of those would become one in UTF-8. */
export function checkName(what: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(`${what} must be a string, found ${describe(value)}`)
  if (value === '') throw invalid(`${what} must not be empty`)
  if (!value.isWellFormed()) throw invalid(`${what} holds a lone surrogate, which has no UTF-8 form`)
  return value
}

export function checkCollectionName(what: string, value: unknown): string {
  const name = checkName(what, value)
  const bytes = new TextEncoder().encode(name).byteLength
  if (bytes > COLLECTION_NAME_BYTES_MAX) {
    throw beyondLimit(`${what} must have at most ${COLLECTION_NAME_BYTES_MAX} UTF-8 bytes, found ${bytes}`)
  }
  return name
}

/** Throws `ABORTED` when the signal has fired. */
export function checkSignal(what: string, signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined
  if (
    typeof signal !== 'object' ||
    signal === null ||
    typeof (signal as AbortSignal).aborted !== 'boolean' ||
    typeof (signal as AbortSignal).addEventListener !== 'function'
  ) {
    throw invalid(`${what}: signal must be an AbortSignal, found ${describe(signal)}`)
  }
  if ((signal as AbortSignal).aborted) throw abortedError(signal as AbortSignal, what)
  return signal as AbortSignal
}

export function checkCallback<F>(what: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw invalid(`${what} must be a function, found ${describe(value)}`)
}

/** The engine's include flags. */
export function checkInclude(what: string, value: unknown, otherwise: readonly Include[]): number {
  const include: unknown = value === undefined ? otherwise : value
  if (!Array.isArray(include)) {
    throw invalid(`${what}: include must be an array of 'metadata' and 'vector', found ${describe(value)}`)
  }
  let flags = 0
  for (const each of include as unknown[]) {
    const name = checkOneOf(`${what}: include`, each, ['metadata', 'vector'])
    flags |= name === 'metadata' ? INCLUDE_METADATA : INCLUDE_VECTORS
  }
  return flags
}

export function checkIdArray(what: string, ids: unknown): readonly unknown[] {
  if (!Array.isArray(ids)) throw invalid(`${what}: ids must be an array of ids, found ${describe(ids)}`)
  return ids as readonly unknown[]
}

export function checkLength(what: string, vector: ArrayLike<number>, length: number, of = 'floats'): void {
  if (vector.length === length) return
  throw errorFromCode('DIMENSION_MISMATCH', `${what}: expected ${length} ${of}, found ${vector.length}`)
}

/** Copies one query vector into `target` at `offset`: the caller's array stays the caller's. */
export function copyVector(
  what: string,
  vector: VectorLike,
  { dimensions, vectorType }: VectorKind,
  target: Float32Array,
  offset: number,
): void {
  const isArray = Array.isArray(vector)
  const expected = isArray ? dimensions : vectorLength(vectorType, dimensions, vector)
  if (expected === 0) {
    throw invalid(
      `${what} must be a ${arraysOf(vectorType)} or an array of numbers, found ${describe(vector)}`,
    )
  }
  checkLength(what, vector, expected, unitOf(vectorType, vector))
  if (isArray) {
    // A hole, null or a numeric string would become a number in silence.
    for (let i = 0; i < dimensions; i += 1) {
      if (typeof vector[i] !== 'number') {
        throw invalid(`${what}: component ${i} must be a number, found ${describe(vector[i])}`)
      }
    }
  }
  target.set(isStoredArray(vectorType, vector) ? widen(vectorType, vector, dimensions) : vector, offset)
}
