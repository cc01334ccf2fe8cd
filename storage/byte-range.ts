import { InvalidArgumentError } from '../js/errors/omen-error.js'

export interface ByteRange {
  /** First byte, from 0. */
  start: number
  /** Byte after the last; may lie beyond the object's end. */
  end: number
}

/** The part of `[0, size)` that `range` names; without a range, all of it. A start beyond the end gives an empty part. */
export function clampRange(range: ByteRange | undefined, sizeBytes: number): ByteRange {
  if (range === undefined) return { start: 0, end: sizeBytes }
  const { start, end } = range
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new InvalidArgumentError(`a range needs integers 0 <= start <= end, got [${start}, ${end})`)
  }
  return { start: Math.min(start, sizeBytes), end: Math.min(end, sizeBytes) }
}

/** Whether two byte strings, or two absences, are the same. */
export function equalBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}
