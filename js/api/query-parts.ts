/** The queries of a `searchBatch`, cut into requests. */
import { errorFromCode } from '../errors/omen-error.js'
import { arraysOf, type StoredArray, unitOf, vectorLength } from '../wasm/vector-types.js'
import type { SearchBatchOptions, VectorLike } from './types.js'
import { copyVector, describe, invalid, type VectorKind } from './validation.js'

/**
 * At most `step` queries in each part, row-major, alone in its buffer, so that it can be transferred. All are copied
 * at once: what the caller does with its arrays while the first part is answered must not change the last.
 */
export function queryParts(
  vectors: SearchBatchOptions['vectors'] | undefined,
  kind: VectorKind,
  step: number,
): Float32Array<ArrayBuffer>[] {
  if (Array.isArray(vectors)) return ofVectors(vectors as readonly VectorLike[], kind, step)
  const { dimensions, vectorType } = kind
  const each = vectorLength(vectorType, dimensions, vectors)
  if (each === 0) {
    throw invalid(
      `searchBatch: vectors must be a ${arraysOf(vectorType)} or an array of vectors, found ${describe(vectors)}`,
    )
  }
  const all = vectors as StoredArray
  if (all.length % each !== 0) {
    throw errorFromCode(
      'DIMENSION_MISMATCH',
      `searchBatch: expected a multiple of ${each} ${unitOf(vectorType, all)} in vectors, found ${all.length}`,
    )
  }
  if (all instanceof Float32Array) return ofFloats(all, dimensions, step)
  const cut = Array.from({ length: all.length / each }, (_, i) => all.subarray(i * each, (i + 1) * each))
  return ofVectors(cut, kind, step)
}

function ofFloats(vectors: Float32Array, dimensions: number, step: number): Float32Array<ArrayBuffer>[] {
  const parts: Float32Array<ArrayBuffer>[] = []
  for (let start = 0; start < vectors.length; start += step * dimensions) {
    parts.push(new Float32Array(vectors.subarray(start, start + step * dimensions)))
  }
  return parts
}

function ofVectors(
  vectors: readonly VectorLike[],
  kind: VectorKind,
  step: number,
): Float32Array<ArrayBuffer>[] {
  const { dimensions } = kind
  const parts: Float32Array<ArrayBuffer>[] = []
  for (let start = 0; start < vectors.length; start += step) {
    const count = Math.min(step, vectors.length - start)
    const part = new Float32Array(count * dimensions)
    for (let i = 0; i < count; i += 1) {
      const vector = vectors[start + i] as VectorLike
      copyVector(`searchBatch: vector ${start + i}`, vector, kind, part, i * dimensions)
    }
    parts.push(part)
  }
  return parts
}
