/** The queries of a `searchBatch`, cut into requests. */
import { errorFromCode } from '../errors/omen-error.js'
import { acceptedArrays, elementsPerVector, isStoredArray, type StoredArray } from '../wasm/vector-types.js'
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
  const { dimensions, vectorType } = kind
  if (vectors instanceof Float32Array) return ofFloats(vectors, dimensions, step)
  if (Array.isArray(vectors)) return ofVectors(vectors as readonly VectorLike[], kind, step)
  if (isStoredArray(vectorType, vectors)) return ofVectors(cut(vectors, kind), kind, step)
  throw invalid(
    `searchBatch: vectors must be a ${acceptedArrays(vectorType)} or an array of vectors, found ${describe(vectors)}`,
  )
}

function cut(vectors: StoredArray, { dimensions, vectorType }: VectorKind): StoredArray[] {
  const each = elementsPerVector(vectorType, dimensions, vectors)
  checkMultiple(vectors, each, 'elements')
  return Array.from({ length: vectors.length / each }, (_, i) => vectors.subarray(i * each, (i + 1) * each))
}

function checkMultiple(vectors: StoredArray, each: number, of: string): void {
  if (vectors.length % each === 0) return
  throw errorFromCode(
    'DIMENSION_MISMATCH',
    `searchBatch: expected a multiple of ${each} ${of} in vectors, found ${vectors.length}`,
  )
}

function ofFloats(vectors: Float32Array, dimensions: number, step: number): Float32Array<ArrayBuffer>[] {
  checkMultiple(vectors, dimensions, 'floats')
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
