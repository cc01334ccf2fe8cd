import { expect, it } from 'vitest'
import type { Id, Metric } from 'omendb'
import { codeOf, collect, describeBoth, errorOf, openNotes } from './both-engines.js'

describeBoth('rows', (openMemory) => {
  it('come back as they were given', async () => {
    const notes = await openNotes<unknown>(openMemory)
    const ids: Id[] = [
      1,
      1n,
      '1',
      -5,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2n ** 63n - 1n,
      -(2n ** 63n),
      'ключ 🔑',
    ]
    const metadata = [
      null,
      true,
      0.1,
      'text',
      [1, [2]],
      { a: { b: [] } },
      undefined,
      { __proto__: null, x: 1 },
      '',
    ]
    await notes.upsert(ids.map((id, i) => ({ id, vector: [i, 0.5, -i], metadata: metadata[i] })))
    const rows = await notes.get(ids)
    expect(rows.map((row) => row?.id)).toEqual(ids)
    expect(rows.map((row) => row?.metadata)).toEqual(metadata)
    expect(rows[3]?.vector).toEqual(new Float32Array([3, 0.5, -3]))
    expect('metadata' in rows[6]!).toBe(false)
  })

  it('with a key named __proto__ in their metadata change no prototype', async () => {
    const notes = await openNotes<unknown>(openMemory)
    const metadata: unknown = JSON.parse('{"__proto__":{"polluted":true}}')
    await notes.upsert([{ id: 1, vector: [1, 2, 3], metadata }])
    const [row] = await notes.get([1])
    expect(Object.getPrototypeOf(row!.metadata)).toBe(Object.prototype)
    expect(JSON.stringify(row!.metadata)).toBe('{"__proto__":{"polluted":true}}')
  })

  it('are replaced by id, and found by what they are now', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert([{ id: 'a', vector: [0, 0, 0], metadata: { n: 1 } }])
    await notes.upsert([{ id: 'a', vector: [9, 9, 9], metadata: { n: 2 } }])
    expect(await notes.count()).toBe(1)
    const hits = await notes.search({ vector: [0, 0, 0], k: 5 })
    expect(hits.map(({ id, metadata }) => [id, metadata])).toEqual([['a', { n: 2 }]])
    expect(hits[0]!.distance).toBeCloseTo(Math.sqrt(243), 4)
  })

  it('in columns are the same as in objects', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert({
      ids: ['a', 7, 8n],
      vectors: new Float32Array([1, 0, 0, 0, 1, 0, 0, 0, 1]),
      metadata: [{ n: 1 }, undefined, { n: 3 }],
    })
    expect(await notes.get(['a', 7, 8n])).toEqual([
      { id: 'a', vector: new Float32Array([1, 0, 0]), metadata: { n: 1 } },
      { id: 7, vector: new Float32Array([0, 1, 0]) },
      { id: 8n, vector: new Float32Array([0, 0, 1]), metadata: { n: 3 } },
    ])
  })

  it('may be views into a larger array, which is not touched', async () => {
    const notes = await openNotes(openMemory)
    const all = new Float32Array(9).map((_, i) => i)
    await notes.upsert([{ id: 1, vector: all.subarray(3, 6) }])
    await notes.upsert({ ids: [2], vectors: all.subarray(6, 9) })
    expect((await notes.search({ vector: all.subarray(3, 6), k: 1 }))[0]!.id).toBe(1)
    expect(all.length).toBe(9)
    expect((await notes.get([2]))[0]!.vector).toEqual(new Float32Array([6, 7, 8]))
  })

  it('that are none are fine', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert([])
    await notes.upsert({ ids: [], vectors: new Float32Array() })
    expect(await notes.delete([])).toBe(0)
    expect(await notes.get([])).toEqual([])
    expect(await notes.search({ vector: [1, 2, 3], k: 10 })).toEqual([])
    expect(await notes.searchBatch({ vectors: [], k: 10 })).toEqual([])
    expect(await collect(notes.list())).toEqual([])
    expect(await notes.count()).toBe(0)
  })

  it('are deleted by id, and counted', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert([1, 2, 3].map((id) => ({ id, vector: [id, id, id] })))
    expect(await notes.delete([1, 3, 99, '1'])).toBe(2)
    expect(await notes.count()).toBe(1)
    expect((await notes.get([1, 2, 3])).map((row) => row?.id)).toEqual([undefined, 2, undefined])
    expect(await notes.delete([1])).toBe(0)
    await notes.upsert([{ id: 1, vector: [0, 0, 1] }])
    expect(await notes.count()).toBe(2)
  })

  it('bring along what was asked for', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert([{ id: 1, vector: [1, 2, 3], metadata: { n: 1 } }])
    const vector = new Float32Array([1, 2, 3])
    expect(await notes.get([1], { include: [] })).toEqual([{ id: 1 }])
    expect(await notes.get([1], { include: ['vector'] })).toEqual([{ id: 1, vector }])
    const hit = { id: 1, distance: 0, score: 1 }
    expect(await notes.search({ vector, k: 1 })).toEqual([{ ...hit, metadata: { n: 1 } }])
    expect(await notes.search({ vector, k: 1, include: [] })).toEqual([hit])
    expect(await notes.search({ vector, k: 1, include: ['vector', 'metadata'] })).toEqual([
      { ...hit, metadata: { n: 1 }, vector },
    ])
  })
})

describeBoth('list', (openMemory) => {
  it('gives all rows in order of insertion, page by page, after an id and up to a limit', async () => {
    const notes = await openNotes(openMemory)
    const ids = Array.from({ length: 3000 }, (_, i) => `row ${i}`)
    await notes.upsert({ ids, vectors: new Float32Array(9000).map((_, i) => i) })
    expect((await collect(notes.list())).map((row) => row.id)).toEqual(ids)
    expect((await collect(notes.list({ after: 'row 1500', limit: 1200 }))).map((row) => row.id)).toEqual(
      ids.slice(1501, 2701),
    )
    expect(await collect(notes.list({ limit: 0 }))).toEqual([])
    expect(await collect(notes.list({ limit: 1, include: [] }))).toEqual([{ id: 'row 0' }])
    expect(await codeOf(collect(notes.list({ after: 'nowhere' })))).toBe('NOT_FOUND')
  })

  it('can be left early', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert([1, 2, 3].map((id) => ({ id, vector: [id, 0, 0] })))
    for await (const row of notes.list()) {
      expect(row.id).toBe(1)
      break
    }
    expect(await notes.count()).toBe(3)
  })

  it('goes on while rows are written', async () => {
    const notes = await openNotes(openMemory)
    const ids = Array.from({ length: 2500 }, (_, i) => i)
    await notes.upsert({ ids, vectors: new Float32Array(7500).map((_, i) => i) })
    const seen: Id[] = []
    for await (const row of notes.list({ include: [] })) {
      if (seen.length === 10) await notes.delete(ids.slice(2000, 2400))
      seen.push(row.id)
    }
    expect(seen.length).toBeGreaterThanOrEqual(2100)
    expect(new Set(seen).size).toBe(seen.length)
  })
})

describeBoth('search', (openMemory) => {
  const stored: [string, number[]][] = [
    ['east', [1, 0, 0]],
    ['north', [0, 2, 0]],
    ['mixed', [3, 4, 0]],
  ]
  it.each<[Metric, Record<string, number>]>([
    ['l2', { east: 0, north: Math.sqrt(5), mixed: Math.sqrt(20) }],
    ['l1', { east: 0, north: 3, mixed: 6 }],
    ['dot', { east: -1, north: 0, mixed: -3 }],
    ['cosine', { east: 0, north: 1, mixed: 0.4 }],
  ])('measures %s as documented, nearest first', async (metric, expected) => {
    const db = await openMemory()
    const places = await db.collection(metric, { dimensions: 3, metric })
    await places.upsert(stored.map(([id, vector]) => ({ id, vector })))
    const hits = await places.search({ vector: [1, 0, 0], k: 3 })
    const order = Object.entries(expected).sort((a, b) => a[1] - b[1])
    expect(hits.map((hit) => hit.id)).toEqual(order.map(([id]) => id))
    for (const { id, distance, score } of hits) {
      expect(distance).toBeCloseTo(expected[id as string]!, 5)
      const scores = { l2: 1 / (1 + distance), l1: 1 / (1 + distance), dot: -distance, cosine: 1 - distance }
      expect(score).toBeCloseTo(scores[metric], 10)
    }
  })

  it('answers a batch as it answers each vector, in order', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert({
      ids: Array.from({ length: 300 }, (_, i) => i),
      vectors: new Float32Array(900).map((_, i) => Math.sin(i * i)),
    })
    const queries = Array.from({ length: 150 }, (_, i) => [Math.cos(i), Math.sin(i), 0.1 * i])
    const batch = await notes.searchBatch({ vectors: queries, k: 7 })
    const flat = await notes.searchBatch({ vectors: Float32Array.from(queries.flat()), k: 7 })
    expect(flat).toEqual(batch)
    for (const [i, vector] of queries.entries())
      expect(batch[i]).toEqual(await notes.search({ vector, k: 7 }))
  })

  it('answers the vectors of a batch as they were when it was asked', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert([1, 2].map((id) => ({ id, vector: [id, 0, 0] })))
    const vectors = new Float32Array(3 * 100).map((_, i) => (i % 3 === 0 ? 1 : 0))
    const rows = Array.from({ length: 100 }, () => [1, 0, 0])
    const calls = Promise.all([
      notes.searchBatch({ vectors, k: 1 }),
      notes.searchBatch({ vectors: rows, k: 1 }),
    ])
    vectors.fill(2)
    for (const row of rows) row.fill(2)
    for (const answers of await calls) {
      expect(answers.map(([hit]) => hit?.id)).toEqual(Array.from({ length: 100 }, () => 1))
    }
  })

  it('gives all rows when k is larger', async () => {
    const notes = await openNotes(openMemory)
    await notes.upsert([1, 2].map((id) => ({ id, vector: [id, 0, 0] })))
    expect((await notes.search({ vector: [0, 0, 0], k: 1_000_000 })).map((hit) => hit.id)).toEqual([1, 2])
    expect((await notes.search({ vector: [0, 0, 0], k: 2, efSearch: 1, exact: true })).length).toBe(2)
  })

  it('finds what the graph covers and what it does not', async () => {
    const notes = await openNotes(openMemory)
    const count = 4000
    const vectors = new Float32Array(3 * count).map((_, i) => Math.sin(12.9898 * (i + 1)) * 1000)
    await notes.upsert({ ids: Array.from({ length: count }, (_, i) => i), vectors })
    for (let i = 0; i < count; i += 371) {
      const vector = vectors.subarray(3 * i, 3 * i + 3)
      expect((await notes.search({ vector, k: 1, exact: true }))[0]!.id).toBe(i)
      expect((await notes.search({ vector, k: 1 }))[0]!.id).toBe(i)
    }
  })
})

describeBoth('an upsert of several parts', (openMemory) => {
  const count = 200_000
  const columns = () => ({
    ids: Array.from({ length: count }, (_, i) => i),
    vectors: new Float32Array(3 * count).map((_, i) => i % 1000),
  })

  it('reports progress that rises to the total', async () => {
    const notes = await openNotes(openMemory)
    const reports: [number, number][] = []
    await notes.upsert(columns(), { onProgress: ({ done, total }) => reports.push([done, total]) })
    expect(reports.length).toBeGreaterThan(1)
    expect(reports.at(-1)).toEqual([count, count])
    for (const [i, [done]] of reports.entries()) expect(done).toBeGreaterThan(reports[i - 1]?.[0] ?? 0)
    expect(await notes.count()).toBe(count)
  })

  type Columns = ReturnType<typeof columns>
  it.each<[string, string, (input: Columns) => unknown]>([
    ['a duplicate across parts', 'DUPLICATE_ID', (input) => (input.ids[count - 1] = 0)],
    ['NaN in the last row', 'INVALID_VECTOR', (input) => (input.vectors[3 * count - 1] = NaN)],
    ['a bad id in the last row', 'INVALID_ARGUMENT', (input) => (input.ids[count - 1] = 0.5)],
  ])('changes nothing when it has %s', async (_what, code, spoil) => {
    const notes = await openNotes(openMemory)
    const input = columns()
    spoil(input)
    const error = await errorOf(notes.upsert(input))
    expect(error.code).toBe(code)
    expect(error.committedRows ?? 0).toBe(0)
    expect(await notes.count()).toBe(0)
  })

  it('stops between parts when aborted, and says how many rows are in', async () => {
    const notes = await openNotes(openMemory)
    const controller = new AbortController()
    const reason = new Error('enough')
    const error = await errorOf(
      notes.upsert(columns(), { signal: controller.signal, onProgress: () => controller.abort(reason) }),
    )
    expect(error.code).toBe('ABORTED')
    expect(error.cause).toBe(reason)
    expect(error.committedRows).toBeGreaterThan(0)
    expect(error.committedRows).toBeLessThan(count)
    expect(await notes.count()).toBe(error.committedRows)
  })
})
