/** The queries of a `searchBatch`, cut into requests. */
import { errorFromCode } from '../errors/omen-error.js'
import type { SearchBatchOptions, VectorLike } from './types.js'
import { copyVector, describe, invalid } from './validation.js'

/**
 * At most `step` queries in each part, row-major, alone in its buffer, so that it can be transferred. All are copied
 * at once: what the caller does with its arrays while the first part is answered must not change the last.
 */
export function queryParts(
  vectors: SearchBatchOptions['vectors'] | undefined,
  dimensions: number,
  step: number,
): Float32Array<ArrayBuffer>[] {
  if (vectors instanceof Float32Array) return ofFloats(vectors, dimensions, step)
  if (!Array.isArray(vectors)) {
    throw invalid(
      `searchBatch: vectors must be a Float32Array or an array of vectors, found ${describe(vectors)}`,
    )
  }
  return ofVectors(vectors as readonly VectorLike[], dimensions, step)
}

function ofFloats(vectors: Float32Array, dimensions: number, step: number): Float32Array<ArrayBuffer>[] {
  if (vectors.length % dimensions !== 0) {
    throw errorFromCode(
      'DIMENSION_MISMATCH',
      `searchBatch: expected a multiple of ${dimensions} floats in vectors, found ${vectors.length}`,
    )
  }
  const parts: Float32Array<ArrayBuffer>[] = []
  for (let start = 0; start < vectors.length; start += step * dimensions) {
    parts.push(new Float32Array(vectors.subarray(start, start + step * dimensions)))
  }
  return parts
}

function ofVectors(
  vectors: readonly VectorLike[],
  dimensions: number,
  step: number,
): Float32Array<ArrayBuffer>[] {
  const parts: Float32Array<ArrayBuffer>[] = []
  for (let start = 0; start < vectors.length; start += step) {
    const count = Math.min(step, vectors.length - start)
    const part = new Float32Array(count * dimensions)
    for (let i = 0; i < count; i += 1) {
      const vector = vectors[start + i] as VectorLike
      copyVector(`searchBatch: vector ${start + i}`, vector, dimensions, part, i * dimensions)
    }
    parts.push(part)
  }
  return parts
}
