import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { open, type VectorArray, type VectorType } from 'omendb'
import { codeOf, collect, describeBoth, errorOf, untyped } from './both-engines.js'

const folders: string[] = []
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })))
})

interface Sample {
  type: VectorType
  /** What vectors come back as. */
  numbers: number[]
  array: VectorArray
}

const SAMPLES: Sample[] = [
  { type: 'float32', numbers: [0.25, -3, 1e18, 1], array: new Float32Array([0.25, -3, 1e18, 1]) },
  {
    type: 'float16',
    numbers: [0.25, -3, 65_504, 1],
    array: new Uint16Array([0x3400, 0xc200, 0x7bff, 0x3c00]),
  },
  { type: 'int8', numbers: [5, -128, 127, 1], array: new Int8Array([5, -128, 127, 1]) },
  { type: 'binary', numbers: [0, 1, 1, 1], array: new Uint8Array([0b1110]) },
]

describeBoth('vector types', (openMemory, worker) => {
  it.each(SAMPLES)(
    '$type: every form goes in, and comes back as floats',
    async ({ type, numbers, array }) => {
      const db = await openMemory()
      const notes = await db.collection('notes', { dimensions: 4, metric: 'l2', vectorType: type })
      const floats = new Float32Array(numbers)
      await notes.upsert([
        { id: 'numbers', vector: numbers },
        { id: 'floats', vector: floats },
        { id: 'array', vector: array },
      ])
      await notes.upsert({ ids: ['columns'], vectors: array })
      await db.transaction(async (transaction) => {
        await (await transaction.collection('notes')).upsert({ ids: ['transaction'], vectors: floats })
      })
      const rows = await collect(notes.list())
      expect(rows.map((row) => row.vector)).toEqual(new Array(5).fill(floats))
      for (const vector of [numbers, floats, array]) {
        const hits = await notes.search({ vector, k: 5, include: ['vector'] })
        expect(hits.map((hit) => [hit.distance, hit.vector])).toEqual(new Array(5).fill([0, floats]))
      }
      for (const vectors of [array, floats, [array, floats, numbers]]) {
        const lists = await notes.searchBatch({ vectors, k: 1 })
        expect(lists.map((hits) => hits[0]?.distance)).toEqual(lists.map(() => 0))
      }
      expect((await notes.stats()).vectorType).toBe(type)
    },
  )

  it('compares queries as they are with vectors that were narrowed', async () => {
    const db = await openMemory()
    const bits = await db.collection('bits', { dimensions: 11, metric: 'l1', vectorType: 'binary' })
    await bits.upsert({ ids: ['a', 'b'], vectors: new Uint8Array([0b1010_1010, 0b100, 0xff, 0b111]) })
    const hamming = await bits.search({ vector: new Uint8Array([0b1010_1011, 0b111]), k: 2 })
    expect(hamming.map((hit) => [hit.id, hit.distance])).toEqual([
      ['a', 3],
      ['b', 3],
    ])
    const [near] = await bits.search({ vector: new Array<number>(11).fill(0.75), k: 1 })
    expect([near?.id, near?.distance]).toEqual(['b', 0.25 * 11])

    const halves = await db.collection('halves', { dimensions: 1, metric: 'l2', vectorType: 'float16' })
    await halves.upsert([{ id: 1, vector: [0.1] }])
    const [hit] = await halves.search({ vector: [0.1], k: 1, include: ['vector'] })
    expect([...(hit?.vector ?? [])]).toEqual([0.0999755859375])
    expect(hit?.distance).toBeCloseTo(0.1 - 0.0999755859375, 8)
  })

  it.each([
    ['float16', new Uint16Array([0x3c00, 0x7c00, 0]), /infinity at dimension 1/],
    ['float16', new Uint16Array([0x3c00, 0, 0x7e01]), /NaN at dimension 2/],
    ['binary', new Uint8Array([0b1001]), /unused bits.*found 1/],
    ['int8', [1, 2, 500], /row 0.*500 at dimension 2/],
  ] as const)('refuses a %s vector of %o and changes nothing', async (vectorType, vector, named) => {
    const db = await openMemory()
    const notes = await db.collection('notes', { dimensions: 3, metric: 'l2', vectorType })
    const error = await errorOf(notes.upsert([{ id: 1, vector }]))
    expect([error.code, error.message]).toEqual(['INVALID_VECTOR', expect.stringMatching(named)])
    expect(await notes.count()).toBe(0)
  })

  it('refuses arrays of another type, naming those it takes', async () => {
    const db = await openMemory()
    const notes = await db.collection('notes', { dimensions: 8, metric: 'l2', vectorType: 'binary' })
    for (const attempt of [
      () => notes.upsert({ ids: [1], vectors: new Int8Array(8) }),
      () => notes.upsert([{ id: 1, vector: new Int8Array(8) }]),
      () => notes.search({ vector: new Int8Array(8), k: 1 }),
      () => notes.searchBatch({ vectors: new Int8Array(8), k: 1 }),
      () => notes.searchBatch({ vectors: [new Int8Array(8)], k: 1 }),
    ]) {
      const error = await errorOf(attempt())
      expect([error.code, error.message]).toEqual([
        'INVALID_ARGUMENT',
        expect.stringMatching(/Float32Array or Uint8Array.*Int8Array|Int8Array.*Float32Array or Uint8Array/),
      ])
    }
    for (const attempt of [
      () => notes.upsert({ ids: [1], vectors: new Uint8Array(8) }),
      () => notes.upsert([{ id: 1, vector: new Uint8Array(8) }]),
      () => notes.search({ vector: new Uint8Array(8), k: 1 }),
      () => notes.searchBatch({ vectors: [new Uint8Array(8)], k: 1 }),
    ]) {
      const error = await errorOf(attempt())
      expect([error.code, error.message]).toEqual([
        'DIMENSION_MISMATCH',
        expect.stringMatching(/1 bytes of packed bits.*8/),
      ])
    }
  })

  it('is an option that is stored and compared', async () => {
    const db = await openMemory()
    const options = { dimensions: 3, metric: 'l2' } as const
    await db.collection('notes', { ...options, vectorType: 'int8' })
    // Not named: what is stored.
    const notes = await db.collection('notes', options)
    expect((await notes.stats()).vectorType).toBe('int8')
    const error = await errorOf(db.collection('notes', { ...options, vectorType: 'float16' }))
    expect([error.code, error.message]).toEqual([
      'SCHEMA_MISMATCH',
      expect.stringMatching(/vectorType int8, but float16/),
    ])
    expect(
      await codeOf(db.collection('other', { ...options, vectorType: untyped<VectorType>('float64') })),
    ).toBe('INVALID_ARGUMENT')
  })

  it('takes less memory and storage, and is there after a restart', async () => {
    const count = 2000
    const dimensions = 256
    const vectors = Float32Array.from({ length: count * dimensions }, (_, i) => (Math.sin(i * i) > 0 ? 1 : 0))
    const ids = Array.from({ length: count }, (_, i) => i)
    const memory: number[] = []
    const stored: number[] = []
    for (const { type } of SAMPLES) {
      const folder = await mkdtemp(join(tmpdir(), 'omendb-types-'))
      folders.push(folder)
      const path = join(folder, 'db')
      const db = await open(path, { worker })
      const notes = await db.collection('notes', {
        dimensions,
        metric: 'l2',
        vectorType: type,
        quantization: 'none',
      })
      await notes.upsert({ ids, vectors })
      memory.push((await notes.stats()).memory.vectors)
      await db.close()
      const again = await open(path, { worker })
      const found = await again.collection('notes', { dimensions, metric: 'l2', vectorType: type })
      expect(await found.count()).toBe(count)
      const [row] = await found.get([1234])
      const vector = vectors.subarray(1234 * dimensions, 1235 * dimensions)
      expect(row?.vector).toEqual(vector)
      expect((await found.search({ vector, k: 1 }))[0]).toMatchObject({ id: 1234, distance: 0 })
      stored.push((await again.stats()).storageUsedBytes)
      await again.close()
    }
    const bytes = [4, 2, 1, 1 / 8].map((each) => each * count * dimensions)
    for (const [i, each] of bytes.entries()) {
      expect(memory[i]).toBeGreaterThanOrEqual(each)
      expect(memory[i]).toBeLessThan(each + 300_000)
    }
    // Between two types it is only the vectors that differ; the graph is about the same.
    for (let i = 1; i < bytes.length; i += 1) {
      const less = (bytes[0] as number) - (bytes[i] as number)
      expect((stored[0] as number) - (stored[i] as number)).toBeGreaterThan(less * 0.8)
    }
  })
})
