import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeGetAnswer,
  decodeListAnswer,
  decodeRows,
  decodeSearchAnswer,
  encodeIdList,
  encodeRowBatch,
  type RowSource,
} from '../../../js/wasm/row-batch.js'
import { codeOf, messageOf } from './error-of.js'

const WHOLE = Number.MAX_SAFE_INTEGER

const row = (id: unknown, metadata?: unknown): RowSource => ({
  dimensions: 1,
  ids: [id],
  vectors: new Float32Array(1),
  metadata: [metadata],
})

/** The batch behind `bytes`, as it would stand in an answer. */
function inAnswer(prefix: Uint8Array, batch: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = Math.ceil(prefix.length / 16) * 16
  const answer = new Uint8Array(padded + batch.length)
  answer.set(prefix)
  answer.set(batch, padded)
  return answer
}

const ids = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)
// What JSON has: no -0, and well-formed keys and strings come back as they went in.
const json = fc
  .jsonValue({ noUnicodeString: false })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)

describe('row batches', () => {
  it('come back as they went in', () => {
    const rows = fc
      .record({ dimensions: fc.integer({ min: 1, max: 20 }), count: fc.integer({ min: 1, max: 12 }) })
      .chain(({ dimensions, count }) =>
        fc.record({
          dimensions: fc.constant(dimensions),
          ids: fc.array(ids, { minLength: count, maxLength: count }),
          vectors: fc.float32Array({ minLength: count * dimensions, maxLength: count * dimensions }),
          metadata: fc.array(fc.option(json, { nil: undefined }), { minLength: count, maxLength: count }),
        }),
      )
    fc.assert(
      fc.property(rows, (source) => {
        const { batch, end } = encodeRowBatch(source, 0, WHOLE)
        expect(end).toBe(source.ids.length)
        const decoded = decodeRows(batch)
        expect(decoded.ids).toEqual(source.ids.map((id) => (Object.is(id, -0) ? 0 : id)))
        expect(decoded.dimensions).toBe(source.dimensions)
        expect(new Uint32Array(decoded.vectors!.slice().buffer)).toEqual(
          new Uint32Array(source.vectors.slice().buffer),
        )
        expect(decoded.metadata ?? source.ids.map(() => undefined)).toEqual(source.metadata)
      }),
    )
  })

  it('are laid out as docs/file-format.md says', () => {
    const source = {
      dimensions: 2,
      ids: ['é', -2],
      vectors: [[1, 2], new Float32Array([3, 4])],
      metadata: [{ a: 1 }, undefined],
    }
    const { batch } = encodeRowBatch(source, 0, WHOLE)
    const u32 = (...values: number[]): number[] => [...new Uint8Array(new Uint32Array(values).buffer)]
    const expected = [
      ...u32(2, 2, 28, 24, 0, 0, 0, 0),
      ...u32(2, 0, 3, 12),
      ...[2, 0xc3, 0xa9],
      ...[0, 254, 255, 255, 255, 255, 255, 255, 255],
      ...u32(2, 0, 7, 7),
      ...new TextEncoder().encode('{"a":1}'),
      0,
      ...new Array<number>(12).fill(0),
      ...new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer),
    ]
    expect([...batch]).toEqual(expected)
  })

  it('carry no metadata list when no row has metadata', () => {
    expect(decodeRows(encodeRowBatch(row('a'), 0, WHOLE).batch).metadata).toBeUndefined()
  })

  it('are cut into parts near the size asked for, each row in one part', () => {
    const count = 1000
    const source = {
      dimensions: 16,
      ids: Array.from({ length: count }, (_, i) => i),
      vectors: new Float32Array(count * 16),
    }
    source.vectors.forEach((_, i) => (source.vectors[i] = i))
    const seen: unknown[] = []
    for (let start = 0, part = 0; start < count; part += 1) {
      const { batch, end } = encodeRowBatch(source, start, 10_000)
      expect(batch.length).toBeLessThan(10_200)
      expect(batch.byteOffset).toBe(0)
      expect(batch.buffer.byteLength).toBe(batch.length)
      const rows = decodeRows(batch)
      seen.push(...rows.ids)
      expect(rows.vectors![0]).toBe(start * 16)
      start = end
    }
    expect(seen).toEqual(source.ids)
  })

  it('take at least one row, however large', () => {
    expect(encodeRowBatch({ dimensions: 4, ids: [1, 2], vectors: new Float32Array(8) }, 0, 1).end).toBe(1)
  })
})

describe('ids', () => {
  it.each([
    ['', 'INVALID_ARGUMENT'],
    ['\ud800', 'INVALID_ARGUMENT'],
    ['a\udc00b', 'INVALID_ARGUMENT'],
    ['x'.repeat(1025), 'LIMIT_EXCEEDED'],
    ['é'.repeat(513), 'LIMIT_EXCEEDED'],
    [0.5, 'INVALID_ARGUMENT'],
    [NaN, 'INVALID_ARGUMENT'],
    [Infinity, 'INVALID_ARGUMENT'],
    [2 ** 53, 'INVALID_ARGUMENT'],
    [2n ** 63n, 'INVALID_ARGUMENT'],
    [-(2n ** 63n) - 1n, 'INVALID_ARGUMENT'],
    [null, 'INVALID_ARGUMENT'],
    [undefined, 'INVALID_ARGUMENT'],
    [true, 'INVALID_ARGUMENT'],
    [Symbol('a'), 'INVALID_ARGUMENT'],
    [{}, 'INVALID_ARGUMENT'],
    [Object.create(null), 'INVALID_ARGUMENT'],
    [['a'], 'INVALID_ARGUMENT'],
  ] as const)('refuse %o with %s', (id, code) => {
    expect(codeOf(() => encodeRowBatch(row(id), 0, WHOLE))).toBe(code)
    expect(codeOf(() => encodeIdList([1, id]))).toBe(code)
  })

  it('take every size up to 1,024 bytes of UTF-8', () => {
    for (const id of ['x'.repeat(1024), 'é'.repeat(512), '😀'.repeat(256)]) {
      expect(decodeRows(encodeRowBatch(row(id), 0, WHOLE).batch).ids).toEqual([id])
    }
  })

  it('name the row that is wrong', () => {
    expect(messageOf(() => encodeIdList(['a', 'b', 1.5]))).toContain('row 2')
  })

  it('keep a byte order mark', () => {
    expect(
      decodeRows(encodeRowBatch(row('\ufeffa and a text that is not short'), 0, WHOLE).batch).ids,
    ).toEqual(['\ufeffa and a text that is not short'])
  })
})

describe('vectors', () => {
  const of = (vector: unknown): RowSource => ({ dimensions: 2, ids: ['a'], vectors: [vector] })
  it.each([
    [[1], 'DIMENSION_MISMATCH'],
    [[1, 2, 3], 'DIMENSION_MISMATCH'],
    [new Float32Array(3), 'DIMENSION_MISMATCH'],
    ['12', 'INVALID_ARGUMENT'],
    [null, 'INVALID_ARGUMENT'],
    [undefined, 'INVALID_ARGUMENT'],
    [{ length: 2 }, 'INVALID_ARGUMENT'],
    [new Float64Array(2), 'INVALID_ARGUMENT'],
    [['1', '2'], 'INVALID_ARGUMENT'],
    [[1, null], 'INVALID_ARGUMENT'],
    [[1n, 2n], 'INVALID_ARGUMENT'],
    [new Array<number>(2), 'INVALID_ARGUMENT'],
  ] as const)('refuse %o with %s', (vector, code) => {
    const source = of(vector)
    expect(codeOf(() => encodeRowBatch(source, 0, WHOLE))).toBe(code)
  })
})

describe('metadata', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  it.each([
    [NaN],
    [-Infinity],
    [1n],
    [() => 1],
    [Symbol('a')],
    [new Date(0)],
    [new Map()],
    [new Uint8Array(1)],
    [[undefined]],
    [{ a: { b: [1, NaN] } }],
    [cyclic],
    [new Error('x')],
  ])('refuses %o, which JSON does not have', (value) => {
    expect(codeOf(() => encodeRowBatch(row('a', value), 0, WHOLE))).toBe('INVALID_ARGUMENT')
  })

  it('names the place that is wrong', () => {
    expect(messageOf(() => encodeRowBatch(row('a', { b: [1, { c: NaN }] }), 0, WHOLE))).toContain(
      'metadata.b[1].c is NaN',
    )
  })

  it('refuses more than 1 MiB of JSON', () => {
    expect(codeOf(() => encodeRowBatch(row('a', 'x'.repeat((1 << 20) - 1)), 0, WHOLE))).toBe('LIMIT_EXCEEDED')
    expect(codeOf(() => encodeRowBatch(row('a', 'x'.repeat((1 << 20) - 2)), 0, WHOLE))).toBe('no error')
  })

  it('drops properties that are undefined, and keeps null and lone surrogates', () => {
    const value = { a: undefined, b: null, c: '\ud800' }
    const decoded = decodeRows(encodeRowBatch(row('a', value), 0, WHOLE).batch).metadata
    expect(decoded).toEqual([{ b: null, c: '\ud800' }])
    expect(Object.keys(decoded![0] as object)).toEqual(['b', 'c'])
  })

  it('keeps a property called __proto__', () => {
    const value = JSON.parse('{"__proto__":{"a":1}}') as unknown
    const [decoded] = decodeRows(encodeRowBatch(row('a', value), 0, WHOLE).batch).metadata!
    expect(JSON.stringify(decoded)).toBe('{"__proto__":{"a":1}}')
  })
})

describe('answers', () => {
  const source = {
    dimensions: 2,
    ids: ['a', 7n, 3],
    vectors: new Float32Array([1, 2, 3, 4, 5, 6]),
    metadata: [1, undefined, 'x'],
  }
  const { batch } = encodeRowBatch(source, 0, WHOLE)

  it('of a search give distances and rows', () => {
    const head = new Uint8Array(new Uint32Array([2, 3, 1, 2, 0, 0, 0]).buffer)
    new Float32Array(head.buffer, 16).set([0.5, 1.5, 2.5])
    const answer = decodeSearchAnswer(inAnswer(head, batch))
    expect([...answer.hitCounts]).toEqual([1, 2])
    expect([...answer.distances]).toEqual([0.5, 1.5, 2.5])
    expect(answer.rows.ids).toEqual(source.ids)
    expect(answer.rows.metadata).toEqual(source.metadata)
    expect(answer.rows.vectors).toEqual(source.vectors)
  })

  it('of a get give presence and rows', () => {
    const answer = decodeGetAnswer(inAnswer(new Uint8Array([4, 0, 0, 0, 1, 0, 1, 1]), batch))
    expect([...answer.present]).toEqual([1, 0, 1, 1])
    expect(answer.rows.ids).toEqual(source.ids)
  })

  it('of a list give the next cursor and rows', () => {
    const answer = decodeListAnswer(
      inAnswer(new Uint8Array(new BigUint64Array([2n ** 63n + 5n, 0n]).buffer), batch),
    )
    expect(answer.nextCursor).toBe(2n ** 63n + 5n)
    expect(answer.rows.ids).toEqual(source.ids)
  })
})
