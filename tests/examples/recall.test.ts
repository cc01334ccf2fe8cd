import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { open, type Metric } from 'omendb'
import { describe, expect, it } from 'vitest'
import { count, DIMENSIONS, nearestTo, pixels } from './shipped-images.js'

/** Recall@10 with default settings, against truth that the engine had no part in. */
const K = 10
const RECALL_MIN = 0.95
const GRAPH_ROWS_MIN = 1024
/** The largest set takes a minute to index, several on a machine that is busy. */
const TIMEOUT_MS = 900_000

interface VectorSet {
  dimensions: number
  metric: Metric
  base: Float32Array
  queries: Float32Array
  /** The nearest rows of each query, nearest first; at least K of each. */
  truth: readonly ArrayLike<number>[]
  /** Rows that answer nothing: a query that is itself stored. */
  ignored?: readonly number[]
}

async function measureRecall(set: VectorSet): Promise<number> {
  const { dimensions, metric, base, queries, truth, ignored } = set
  const database = await open('recall', { storage: 'memory' })
  try {
    const rows = await database.collection('rows', { dimensions, metric })
    const ids = Array.from({ length: base.length / dimensions }, (_, row) => row)
    await rows.upsert({ ids, vectors: base })
    await database.idle()
    // Smaller collections have no graph: every row is compared.
    if (ids.length > GRAPH_ROWS_MIN) expect((await rows.stats()).indexedRows).toBe(ids.length)
    const k = K + (ignored === undefined ? 0 : 1)
    const answers = await rows.searchBatch({ vectors: queries, k, include: [] })
    let found = 0
    answers.forEach((hits, query) => {
      const list = hits.map(({ id }) => Number(id)).filter((id) => id !== ignored?.[query])
      const nearest = new Set(Array.from(truth[query]!).slice(0, K))
      found += list.slice(0, K).filter((id) => nearest.has(id)).length
    })
    return found / (answers.length * K)
  } finally {
    await database.close()
  }
}

function readShipped(): VectorSet {
  const base = Float32Array.from(pixels)
  const ignored = Array.from({ length: 200 }, (_, query) => (query * 7919 + 13) % count)
  const queries = new Float32Array(ignored.length * DIMENSIONS)
  ignored.forEach((row, query) =>
    queries.set(base.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS), query * DIMENSIONS),
  )
  const truth = ignored.map((row) => nearestTo(row, K).map(({ id }) => id))
  return { dimensions: DIMENSIONS, metric: 'l2', base, queries, truth, ignored }
}

interface SetInfo {
  dims: number
  metric: Metric
  dtype: string
}

function readShared(folder: string): VectorSet {
  const info = JSON.parse(readFileSync(join(folder, 'info.json'), 'utf8')) as SetInfo
  const read = (name: string): Float32Array => {
    if (info.dtype !== 'uint8')
      return new Float32Array(new Uint8Array(readFileSync(join(folder, `${name}.f32`))).buffer)
    const packed = join(folder, `${name}.u8.gz`)
    return Float32Array.from(
      existsSync(packed) ? gunzipSync(readFileSync(packed)) : readFileSync(join(folder, `${name}.u8`)),
    )
  }
  const queries = read('queries')
  const queryCount = queries.length / info.dims
  const flat = new Int32Array(new Uint8Array(readFileSync(join(folder, 'truth.i32'))).buffer)
  const truthK = flat.length / queryCount
  const truth = Array.from({ length: queryCount }, (_, query) =>
    flat.subarray(query * truthK, (query + 1) * truthK),
  )
  return { dimensions: info.dims, metric: info.metric, base: read('base'), queries, truth }
}

/** Beside the repository where a machine has them; not part of it. */
const shared = join(import.meta.dirname, '../../../shared/data')
const sharedSets = existsSync(shared)
  ? readdirSync(shared).filter((name) => existsSync(join(shared, name, 'truth.i32')))
  : []

describe('recall@10 with default settings', () => {
  it('is at least 0.95 on the shipped images', async () => {
    expect(await measureRecall(readShipped())).toBeGreaterThanOrEqual(RECALL_MIN)
  })

  it.each(sharedSets)('is at least 0.95 on %s', { timeout: TIMEOUT_MS }, async (name) => {
    const recall = await measureRecall(readShared(join(shared, name)))
    console.log(`recall@10 on ${name}: ${recall.toFixed(4)}`)
    expect(recall).toBeGreaterThanOrEqual(RECALL_MIN)
  })
})
