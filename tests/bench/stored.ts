/**
 * Vectors in storage: memory per vector, recall, latency cold and warm, and what the cache gains under skewed queries.
 *
 *   npm run bench:stored -- [--rows 100000] [--dimensions 768] [--type float16] [--quantization auto] [--M 16]
 *                           [--budgets 96,192] [--queries 2000] [--draws 4000] [--skew 1] [--folder DIR] [--keep] [--out FILE]
 *
 * Rows are generated: clusters of a decaying spectrum, the same for the same arguments. The database is written once, with
 * the largest of the budgets (MiB), and opened anew with each. Cold: nothing of it is in the engine's memory; whether the
 * system has the files in its own is not the engine's to say. Truth is the engine's own exact search.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Collection } from '../../js/api/collection.js'
import type { Database } from '../../js/api/database.js'
import type { Quantization, VectorType } from '../../js/api/types.js'
import type { Open } from './durable-workload.js'
import { circumstances } from './record.js'

// From tests/bench and from build/bench alike.
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    dimensions: { type: 'string', default: '768' },
    type: { type: 'string', default: 'float16' },
    quantization: { type: 'string', default: 'auto' },
    M: { type: 'string', default: '16' },
    budgets: { type: 'string', default: '96,192' },
    queries: { type: 'string', default: '2000' },
    draws: { type: 'string', default: '4000' },
    skew: { type: 'string', default: '1' },
    folder: { type: 'string' },
    keep: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const rows = Number(options.rows)
const dimensions = Number(options.dimensions)
const queryCount = Number(options.queries)
const budgetsMiB = options.budgets.split(',').map(Number)
const MEBIBYTE = 2 ** 20
const CALL_ROWS = 1024
const CLUSTERS = 1000
const TRUTH_QUERIES = 20
const K = 10

function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 31 - 1
  }
}

/** Noise is looked up, which is quicker than made: a walk through a table from a place of each row's own. */
const noise = Float32Array.from({ length: 1 << 16 }, generator(1))
const scales = Float32Array.from({ length: dimensions }, (_, d) => 1 / Math.sqrt(1 + d / 16))

function fill(row: number, into: Float32Array): void {
  const next = generator(row * 2 + 1)
  const cluster = Math.floor((next() + 1) * 0.5 * CLUSTERS)
  const center = Math.imul(cluster, 40_503) & 0xffff
  const own = Math.floor((next() + 1) * 32_768)
  const step = 1 + 2 * Math.floor((next() + 1) * 64)
  for (let d = 0; d < dimensions; d++) {
    const shared = noise[(center + d) & 0xffff] as number
    const single = noise[(own + d * step) & 0xffff] as number
    into[d] = (scales[d] as number) * (shared + 0.6 * single)
  }
}

function vectorsFrom(first: number, count: number): Float32Array {
  const vectors = new Float32Array(count * dimensions)
  for (let i = 0; i < count; i++) fill(first + i, vectors.subarray(i * dimensions, (i + 1) * dimensions))
  return vectors
}

const queries = vectorsFrom(rows, queryCount)
const queryAt = (i: number): Float32Array => queries.subarray(i * dimensions, (i + 1) * dimensions)
const idsOf = (hits: readonly { readonly id: unknown }[]): unknown[] => hits.map(({ id }) => id)

interface Latencies {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly queriesPerSecond: number
}

async function timed(collection: Collection, drawn: readonly number[]): Promise<Latencies> {
  const times: number[] = []
  const start = performance.now()
  for (const query of drawn) {
    const before = performance.now()
    await collection.search({ vector: queryAt(query), k: K, include: [] })
    times.push(performance.now() - before)
  }
  const seconds = (performance.now() - start) / 1000
  times.sort((a, b) => a - b)
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99), queriesPerSecond: drawn.length / seconds }
}

/** Ranks drawn with a probability of 1 / rank^skew. */
function skewed(count: number, skew: number): number[] {
  const sums: number[] = []
  let sum = 0
  for (let rank = 1; rank <= queryCount; rank++) sums.push((sum += rank ** -skew))
  const next = generator(7)
  return Array.from({ length: count }, () => {
    const wanted = ((next() + 1) / 2) * sum
    return Math.min(
      queryCount - 1,
      Math.max(
        0,
        sums.findIndex((each) => each >= wanted),
      ),
    )
  })
}

async function measured(open: Open, folder: string, budgetMiB: number, truth: unknown[][]) {
  const opening = performance.now()
  const db = await open(folder, { worker: false, memoryBudgetBytes: budgetMiB * MEBIBYTE })
  const collection = await db.collection('rows')
  await collection.search({ vector: queryAt(0), k: K, include: [] })
  const firstAnswerMs = performance.now() - opening
  const half = Math.floor(queryCount / 2)
  const cold = await timed(
    collection,
    Array.from({ length: half }, (_, i) => i),
  )
  const warm = await timed(
    collection,
    Array.from({ length: half }, (_, i) => i),
  )
  let found = 0
  for (const [i, nearest] of truth.entries()) {
    const ids = idsOf(await collection.search({ vector: queryAt(i), k: K, include: [] }))
    found += ids.filter((id) => nearest.includes(id)).length
  }
  const before = (await collection.stats()).vectors
  const zipf = await timed(collection, skewed(Number(options.draws), Number(options.skew)))
  const after = (await collection.stats()).vectors
  const hits = after.hits - before.hits
  const stats = await collection.stats()
  const { memoryBytes, engineBytes } = await db.stats()
  await db.close()
  return {
    budgetMiB,
    firstAnswerMs,
    recall: found / (truth.length * K),
    cold,
    warm,
    zipf: { ...zipf, hitRate: hits / Math.max(1, hits + after.misses - before.misses) },
    memoryBytes,
    engineBytes,
    vectorsInMemory: stats.vectors.inMemory,
    codes: stats.codes,
    bytesPerVectorOf: Object.fromEntries(
      Object.entries(stats.memory).map(([purpose, bytes]) => [purpose, bytes / stats.rows]),
    ),
  }
}

async function build(db: Database): Promise<Collection> {
  const collection = await db.collection('rows', {
    dimensions,
    metric: 'l2',
    vectorType: options.type as VectorType,
    quantization: options.quantization as Quantization,
    index: { M: Number(options.M) },
  })
  const start = performance.now()
  for (let first = 0; first < rows; first += CALL_ROWS) {
    const count = Math.min(CALL_ROWS, rows - first)
    const ids = Array.from({ length: count }, (_, i) => first + i)
    await collection.upsert({ ids, vectors: vectorsFrom(first, count) })
    if ((first / CALL_ROWS) % 50 === 49) {
      const seconds = (performance.now() - start) / 1000
      console.error(`${first + count} rows after ${seconds.toFixed(0)} s`)
    }
  }
  await db.idle()
  return collection
}

const { open } = (await import(join(ROOT, 'dist/node.js'))) as { open: Open }
const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'omendb-stored-')))
const start = performance.now()
const db = await open(folder, { worker: false, memoryBudgetBytes: Math.max(...budgetsMiB) * MEBIBYTE })
const collection = await build(db)
const buildSeconds = (performance.now() - start) / 1000
const exact = await collection.searchBatch({
  vectors: Array.from({ length: Math.min(TRUTH_QUERIES, queryCount) }, (_, i) => queryAt(i)),
  k: K,
  exact: true,
  include: [],
})
const buildMemoryBytes = (await db.stats()).memoryBytes
const { storageUsedBytes } = await db.stats()
await db.close()
const figures = []
for (const budget of budgetsMiB) figures.push(await measured(open, folder, budget, exact.map(idsOf)))
if (!options.keep) await rm(folder, { recursive: true })

const record = {
  ...circumstances(ROOT, `npm run bench:stored -- ${process.argv.slice(2).join(' ')}`),
  rows,
  dimensions,
  vectorType: options.type,
  buildSeconds,
  buildMemoryBytes,
  storageUsedBytes,
  figures,
}
const out = options.out ?? join(ROOT, 'tests/bench/results/stored.json')
await writeFile(out, `${JSON.stringify(record, null, 1)}\n`)
console.log(JSON.stringify(record, null, 1))
