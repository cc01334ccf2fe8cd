import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeRowBatch, type RowSource } from '../../../js/wasm/row-batch.js'
import { VECTOR_TYPES, vectorBytes, type VectorType, widen } from '../../../js/wasm/vector-types.js'
import { codeOf, messageOf } from './error-of.js'

const Float16 = (globalThis as { Float16Array?: new (numbers: readonly number[]) => Uint16Array })
  .Float16Array

/** By the definition of binary16. */
function halfValue(half: number): number {
  const sign = half >> 15 === 0 ? 1 : -1
  const exponent = (half >> 10) & 0x1f
  const digits = half & 0x3ff
  if (exponent === 0) return sign * digits * 2 ** -24
  return exponent === 31 ? NaN : sign * (1 + digits / 1024) * 2 ** (exponent - 15)
}

/** The bytes that rows have in a batch. */
function stored(type: VectorType, dimensions: number, vectors: RowSource['vectors'], count = 1): number[] {
  const ids = Array.from({ length: count }, (_, i) => i)
  const { batch } = encodeRowBatch({ dimensions, vectorType: type, ids, vectors }, 0, Infinity)
  expect(new DataView(batch.buffer).getUint32(16, true)).toBe(VECTOR_TYPES.indexOf(type))
  return [...batch.subarray(batch.length - count * vectorBytes(type, dimensions))]
}

const halfOf = (number: number): number => {
  const [low, high] = stored('float16', 1, [[number]]) as [number, number]
  return low | (high << 8)
}

describe('halves', () => {
  it('become the number that they are, and it becomes them', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, half) => half)
    const numbers = widen('float16', all, all.length)
    const differing = [...all].filter((half) => !Object.is(numbers[half], halfValue(half)))
    expect(differing).toEqual([])
    const finite = all.filter((half) => !Number.isNaN(halfValue(half)))
    const bytes = stored('float16', finite.length, [numbers.filter((number) => !Number.isNaN(number))])
    expect(new Uint16Array(new Uint8Array(bytes).buffer)).toEqual(finite)
  })

  it('are the nearest ones, of two the even one', () => {
    // From one half to the next, which the bits of positive ones are in order of.
    for (let half = 0; half < 0x7bff; half += 1) {
      const [below, above] = [halfValue(half), halfValue(half + 1)]
      const middle = (below + above) / 2
      const even = half % 2 === 0 ? half : half + 1
      const off = middle * 2 ** -52
      const found = [halfOf(middle), halfOf(-middle), halfOf(middle - off), halfOf(middle + off)]
      if (found.join() !== [even, even | 0x8000, half, half + 1].join()) {
        expect(found, `between ${below} and ${above}`).toEqual([even, even | 0x8000, half, half + 1])
      }
    }
    expect(halfOf(Number.MIN_VALUE)).toBe(0)
    expect(halfOf(2 ** -25)).toBe(0)
    expect(halfOf(-0)).toBe(0x8000)
  })

  it('have numbers up to 65,504', () => {
    expect(halfOf(65_504)).toBe(0x7bff)
    expect(halfOf(-65_504)).toBe(0xfbff)
    for (const number of [65_504.001, -65_505, 1e300, Infinity, -Infinity, NaN]) {
      expect(codeOf(() => halfOf(number))).toBe('INVALID_VECTOR')
    }
  })

  it('are at most half a digit away from any number', () => {
    fc.assert(
      fc.property(fc.double({ min: -65_504, max: 65_504, noNaN: true }), (number) => {
        const found = halfValue(halfOf(number))
        const digit = 2 ** Math.max(-24, Math.floor(Math.log2(Math.abs(number))) - 10)
        return Math.abs(found - number) <= digit / 2
      }),
    )
  })

  it.skipIf(Float16 === undefined)('may come as a Float16Array', () => {
    const array = new (Float16 as NonNullable<typeof Float16>)([0.1, -2, 65_504])
    expect(stored('float16', 3, [array])).toEqual(stored('float16', 3, [[0.1, -2, 65_504]]))
    expect(stored('float16', 1, array, 3)).toEqual(stored('float16', 1, [[0.1], [-2], [65_504]], 3))
    expect([...widen('float16', array, 3)]).toEqual([Math.fround(0.0999755859375), -2, 65_504])
  })
})

describe('a vector', () => {
  const given: Record<
    VectorType,
    { numbers: number[]; array: Uint16Array | Int8Array | Uint8Array | Float32Array; bytes: number[] }
  > = {
    float32: {
      numbers: [1, -2.5],
      array: new Float32Array([1, -2.5]),
      bytes: [0, 0, 128, 63, 0, 0, 32, 192],
    },
    float16: { numbers: [1, -2.5], array: new Uint16Array([0x3c00, 0xc100]), bytes: [0, 0x3c, 0, 0xc1] },
    int8: { numbers: [-128, 127, 0], array: new Int8Array([-128, 127, 0]), bytes: [0x80, 0x7f, 0] },
    binary: {
      numbers: [1, 0, 0, 0, 0, 0, 0, 1, 0, 1],
      array: new Uint8Array([0b1000_0001, 0b10]),
      bytes: [0x81, 2],
    },
  }
  it.each(VECTOR_TYPES)('of type %s is the same from numbers, floats and its own array', (type) => {
    const { numbers, array, bytes } = given[type]
    const { length } = numbers
    const floats = new Float32Array(numbers)
    expect(vectorBytes(type, length)).toBe(bytes.length)
    for (const vector of [numbers, floats, array]) expect(stored(type, length, [vector])).toEqual(bytes)
    const twice = new Float32Array([...numbers, ...numbers])
    expect(stored(type, length, twice, 2)).toEqual([...bytes, ...bytes])
    const pair = new (array.constructor as new (values: number[]) => typeof array)([...array, ...array])
    expect(stored(type, length, pair, 2)).toEqual([...bytes, ...bytes])
    // A view that begins inside its buffer.
    const part = pair.subarray(array.length)
    expect(stored(type, length, [part])).toEqual(bytes)
    expect([...widen(type, part, length)]).toEqual(numbers)
  })

  it.each<[VectorType, unknown, string, RegExp]>([
    [
      'int8',
      [1, 128, 0],
      'INVALID_VECTOR',
      /^row 0: expected whole numbers from -128 to 127, found 128 at dimension 1$/,
    ],
    ['int8', [1, 2, -129], 'INVALID_VECTOR', /found -129 at dimension 2$/],
    ['int8', [0.5, 0, 0], 'INVALID_VECTOR', /found 0.5 at dimension 0$/],
    ['int8', [2 ** 32 + 5, 0, 0], 'INVALID_VECTOR', /found 4294967301 at/],
    ['int8', [NaN, 0, 0], 'INVALID_VECTOR', /found NaN at dimension 0$/],
    ['int8', new Float32Array([0, 300, 0]), 'INVALID_VECTOR', /found 300 at dimension 1$/],
    ['int8', [1, '2', 3], 'INVALID_ARGUMENT', /component 1/],
    [
      'int8',
      new Uint8Array(3),
      'INVALID_ARGUMENT',
      /Uint8Array; expected a Float32Array or Int8Array or an array/,
    ],
    ['int8', new Int8Array(2), 'DIMENSION_MISMATCH', /expected 3 floats, found 2/],
    ['binary', [0, 1, 2], 'INVALID_VECTOR', /^row 0: expected 0 or 1, found 2 at dimension 2$/],
    ['binary', [0, 1, 0.5], 'INVALID_VECTOR', /found 0.5 at dimension 2$/],
    ['binary', [true, false, true], 'INVALID_ARGUMENT', /component 0.*boolean/],
    ['binary', new Uint8Array(3), 'DIMENSION_MISMATCH', /expected 1 bytes of packed bits, found 3/],
    ['binary', new Int8Array(1), 'INVALID_ARGUMENT', /Int8Array; expected a Float32Array or Uint8Array/],
    [
      'float16',
      [1, 65_505, 0],
      'INVALID_VECTOR',
      /^row 0: expected numbers from -65504 to 65504, found 65505 at dimension 1$/,
    ],
    [
      'float16',
      new Float64Array(3),
      'INVALID_ARGUMENT',
      /Float64Array; expected a Float32Array or Uint16Array/,
    ],
    ['float16', new Uint16Array(4), 'DIMENSION_MISMATCH', /expected 3 floats, found 4/],
    [
      'float32',
      new Int8Array(3),
      'INVALID_ARGUMENT',
      /Int8Array; expected a Float32Array or an array of numbers/,
    ],
    ['float32', new Uint16Array(3), 'INVALID_ARGUMENT', /Uint16Array/],
  ])('of type %s refuses %o with %s', (type, vector, code, named) => {
    const encode = (): unknown => stored(type, 3, [vector])
    expect(codeOf(encode)).toBe(code)
    expect(messageOf(encode)).toMatch(named)
  })

  it('names its row', () => {
    expect(messageOf(() => stored('int8', 2, new Float32Array([1, 2, 3, 400]), 2))).toContain('row 1')
  })
})
