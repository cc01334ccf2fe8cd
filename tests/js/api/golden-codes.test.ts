/** The stored codes and vector types of format version 1 (tests/golden/README.md), through the public API. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, open, type OpenOptions } from 'omendb'
import { collect, ENGINES } from './both-engines.js'
import { copyGolden } from './golden-folder.js'

const INDEXED_ROWS = 1030
const ROWS = INDEXED_ROWS + 6

// ---- What is stored, in the same formulas as tests/core/engine/golden_codes.cc ----------------------------

const PERIODS = [61, 59, 53, 47, 43, 41, 37, 31]
const steps = (n: number, dimensions: number): number[] =>
  PERIODS.slice(0, dimensions).map((period, d) => ((n * (2 * d + 3)) % period) - Math.floor(period / 2))

function bits(n: number): number[] {
  const random = (d: number) => Number((n * (d + 5) + d * d) % 11 < 5)
  return Array.from({ length: 130 }, (_, d) => (d < 11 ? (n >> d) & 1 : random(d)))
}

function bytes(n: number): number[] {
  const vector = steps(n, 8).map((step) => 4 * step)
  if (n === 7) vector[0] = -128
  if (n === 8) vector[0] = 127
  return vector
}

const halves = (n: number): number[] =>
  steps(n, 8).map((step) => step * (n % 100 === 9 ? 2 ** -24 : 0.125) + 0)

const floats = (n: number): number[] => steps(n, 4).map((step) => step / 4)

function distance(metric: string, a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, v, d) => sum + v * y[d]!, 0)
  if (metric === 'l2') return Math.hypot(...a.map((v, d) => v - b[d]!))
  return metric === 'dot' ? -dot(a, b) : 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

interface Stored {
  readonly name: string
  readonly vectorAt: (n: number) => number[]
  readonly codeBytes: number
  readonly options: { readonly metric: string; readonly vectorType: string; readonly quantization: string }
}

const COLLECTIONS: readonly Stored[] = [
  {
    ...{ name: 'bits', vectorAt: bits, codeBytes: 32 },
    options: { metric: 'l2', vectorType: 'binary', quantization: 'rabitq1' },
  },
  {
    ...{ name: 'bytes', vectorAt: bytes, codeBytes: 28 },
    options: { metric: 'dot', vectorType: 'int8', quantization: 'rabitq2' },
  },
  {
    ...{ name: 'halves', vectorAt: halves, codeBytes: 40 },
    options: { metric: 'cosine', vectorType: 'float16', quantization: 'rabitq4' },
  },
  {
    ...{ name: 'floats', vectorAt: floats, codeBytes: 72 },
    options: { metric: 'l2', vectorType: 'float32', quantization: 'rabitq7' },
  },
]

describe.each(ENGINES)('the stored codes of format version 1 ($engine)', ({ worker }) => {
  let folder: string
  const opened: Database[] = []

  async function openGolden(options: OpenOptions = {}): Promise<Database> {
    const db = await open(join(folder, 'db'), { storage: 'fs', worker, ...options })
    opened.push(db)
    return db
  }

  beforeEach(async () => {
    folder = await copyGolden('v1-codes')
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()))
    await rm(folder, { recursive: true })
  })

  describe.each(COLLECTIONS)('in $name', ({ name, vectorAt, codeBytes, options }) => {
    it('come with the rows they are of', async () => {
      const collection = await (await openGolden({ readOnly: true })).collection(name)
      const stats = await collection.stats()
      expect(stats).toMatchObject({
        ...options,
        codes: { kind: options.quantization, bytesPerVector: codeBytes },
        rows: ROWS,
      })
      expect(stats.indexedRows).toBeGreaterThanOrEqual(INDEXED_ROWS)
      const listed = await collect(collection.list())
      expect(listed.map(({ id, vector }) => [id, [...vector!]])).toEqual(
        Array.from({ length: ROWS }, (_, n) => [String(n), vectorAt(n)]),
      )
    })

    it.each([20, 520, 1033])('are searched on, near row %d', async (n) => {
      const collection = await (await openGolden()).collection(name)
      // Nothing is as far from it as anything else.
      const query = vectorAt(n).map((v, d) => v + 0.01 * ((d % 7) + 1))
      const distanceOf = (id: number) => distance(options.metric, query, vectorAt(id))
      const tenth = Array.from({ length: ROWS }, (_, row) => distanceOf(row)).sort((a, b) => a - b)[9]!
      const tolerance = 1e-5 * Math.max(1, Math.abs(tenth))
      for (const exact of [true, false]) {
        const hits = await collection.search({ vector: query, k: 10, exact })
        expect(hits).toHaveLength(10)
        for (const hit of hits)
          expect(Math.abs(hit.distance - distanceOf(Number(hit.id)))).toBeLessThanOrEqual(tolerance)
        const near = hits.filter((hit) => hit.distance <= tenth + tolerance)
        expect(near.length).toBeGreaterThanOrEqual(exact ? 10 : 9)
      }
    })

    it('are there with rows that came later', async () => {
      const db = await openGolden()
      await (await db.collection(name)).upsert([{ id: 'new', vector: vectorAt(2000) }])
      await db.close()
      const again = await (await openGolden()).collection(name)
      const [added, last] = await again.get(['new', String(ROWS - 1)])
      expect([...added!.vector!]).toEqual(vectorAt(2000))
      expect([...last!.vector!]).toEqual(vectorAt(ROWS - 1))
      expect((await again.stats()).codes.kind).toBe(options.quantization)
    })
  })
})
