/**
 * Vectors of every type a collection can have, between what callers give and the bytes that are kept
 * (docs/file-format.md, "Vector types"). Numbers are narrowed here, and refused where the type has no such number.
 *
 * Not here: norms, bits that are not used and numbers that are not finite in bytes that came as they are; the core checks
 * those, on every path.
 */
import { errorFromCode } from '../errors/omen-error.js'

/** `VectorType` of core/include/omendb/types.h, in its order. */
export const VECTOR_TYPES = ['float32', 'float16', 'int8', 'binary'] as const

/** How the numbers of a vector are kept: in 4 bytes, 2 bytes, 1 byte, or 1 bit each. */
export type VectorType = (typeof VECTOR_TYPES)[number]

/** A `Float16Array`, which not every runtime, and not every version of TypeScript, knows. */
export interface Float16ArrayLike extends ArrayBufferView, ArrayLike<number> {
  readonly BYTES_PER_ELEMENT: number
  readonly [Symbol.toStringTag]: 'Float16Array'
  subarray(begin?: number, end?: number): Float16ArrayLike
}

/** Numbers as a type keeps them: halves (or their bits), bytes, or packed bits, lowest first. */
export type StoredArray = Float32Array | Uint16Array | Float16ArrayLike | Int8Array | Uint8Array

type StoredArrayClass = new (length: number) => StoredArray

const float16Class = (globalThis as { Float16Array?: StoredArrayClass }).Float16Array

const KINDS: Readonly<
  Record<VectorType, { bits: number; classes: readonly StoredArrayClass[]; numbers: string }>
> = {
  float32: { bits: 32, classes: [Float32Array], numbers: '' },
  float16: {
    bits: 16,
    classes: float16Class === undefined ? [Uint16Array] : [Uint16Array, float16Class],
    numbers: 'numbers from -65504 to 65504',
  },
  int8: { bits: 8, classes: [Int8Array], numbers: 'whole numbers from -128 to 127' },
  binary: { bits: 1, classes: [Uint8Array], numbers: '0 or 1' },
}

/** Bytes of one vector. */
export function vectorBytes(type: VectorType, dimensions: number): number {
  return Math.ceil((dimensions * KINDS[type].bits) / 8)
}

/** For messages: the arrays that hold vectors for a collection of the type. */
export function arraysOf(type: VectorType): string {
  return [...new Set([Float32Array, ...KINDS[type].classes])].map((each) => each.name).join(' or ')
}

/** Whether the array holds numbers as the type keeps them. */
export function isStoredArray(type: VectorType, value: unknown): value is StoredArray {
  return KINDS[type].classes.some((each) => value instanceof each)
}

export function storedBytes(array: StoredArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Elements of an array that make one vector of a collection of the type; 0 when it does not take such an array. */
export function vectorLength(type: VectorType, dimensions: number, array: unknown): number {
  if (isStoredArray(type, array)) return vectorBytes(type, dimensions) / array.BYTES_PER_ELEMENT
  return array instanceof Float32Array ? dimensions : 0
}

/** For messages: what the elements are. */
export function unitOf(type: VectorType, array: unknown): string {
  return type === 'binary' && isStoredArray(type, array) ? 'bytes of packed bits' : 'floats'
}

/** Numbers into the bytes of one vector, which are 0. `INVALID_VECTOR`, naming the row. */
export function narrow(
  type: VectorType,
  numbers: ArrayLike<number>,
  target: Uint8Array,
  at: number,
  row: number,
): void {
  for (let i = 0; i < numbers.length; i += 1) {
    const number = numbers[i] as number
    if (type === 'float16' && Math.abs(number) <= 65504) {
      const half = halfBits(number)
      target[at + 2 * i] = half
      target[at + 2 * i + 1] = half >> 8
    } else if (type === 'int8' && (number << 24) >> 24 === number) {
      target[at + i] = number
    } else if (type === 'binary' && (number === 0 || number === 1)) {
      const byte = at + (i >> 3)
      target[byte] = (target[byte] as number) | (number << (i & 7))
    } else {
      throw errorFromCode(
        'INVALID_VECTOR',
        `row ${row}: expected ${KINDS[type].numbers}, found ${number} at dimension ${i}`,
      )
    }
  }
}

/** One vector as the numbers that it is. */
export function widen(type: VectorType, array: StoredArray, dimensions: number): Float32Array {
  if (array instanceof Float32Array) return array
  const floats = new Float32Array(dimensions)
  if (type === 'binary') {
    for (let i = 0; i < dimensions; i += 1) floats[i] = ((array[i >> 3] as number) >> (i & 7)) & 1
  } else if (array instanceof Uint16Array) {
    for (let i = 0; i < dimensions; i += 1) floats[i] = fromHalfBits(array[i] as number)
  } else {
    floats.set(array)
  }
  return floats
}

const scratch = new DataView(new ArrayBuffer(8))
/** By exponent + 14: what makes the last digit of a half with that exponent 1. */
const SCALES = Array.from({ length: 30 }, (_, i) => 2 ** (24 - i))

/**
 * The nearest half, of two the even one. A double holds the number as a multiple of the half's last digit: adding 2^52 and
 * taking it away again rounds that to a whole number.
 */
function halfBits(number: number): number {
  scratch.setFloat64(0, number)
  const high = scratch.getUint16(0)
  // Of the double, less that of the smallest normal half.
  const exponent = Math.max(((high >> 4) & 0x7ff) - 1009, 0)
  const digits = Math.abs(number) * (SCALES[exponent] as number) + 2 ** 52 - 2 ** 52
  // The first digit of a normal number adds the 1 to the exponent that is missing here, and one digit too many another.
  return ((high >> 15) << 15) + (exponent << 10) + digits
}

function fromHalfBits(half: number): number {
  const exponent = (half >> 10) & 0x1f
  const digits = half & 0x3ff
  // Not finite: which of them the core does not say of a query.
  if (exponent === 31) return NaN
  const size = exponent === 0 ? digits * 2 ** -24 : (digits + 1024) * 2 ** (exponent - 25)
  return half >> 15 === 0 ? size : -size
}
