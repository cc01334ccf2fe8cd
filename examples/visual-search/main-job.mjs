// The main job in Node: stores and indexes the 10,000 shipped images, and prints what it measured.
//
//   node examples/visual-search/main-job.mjs
//
// Everything goes through the public API of the built package. The database is made afresh on a real disk (under
// .omendb/ in the repository) and removed at the end.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { open } from 'omendb'

const DIMENSIONS = 28 * 28
const K = 10
const RECALL_QUERIES = 500
const TIMED_QUERIES = 2000
const WARM_UP_QUERIES = 200
const COLLECTION = { dimensions: DIMENSIONS, metric: 'l2' }

const data = new URL('./public/data/', import.meta.url)
const vectors = Float32Array.from(gunzipSync(readFileSync(new URL('images.u8.gz', data))))
const labels = readFileSync(new URL('labels.u8', data))
const count = labels.length

const workFolder = fileURLToPath(new URL('../../.omendb/', import.meta.url))
mkdirSync(workFolder, { recursive: true })
const folder = mkdtempSync(join(workFolder, 'main-job-'))

/** Row `i` as a query of its own. */
function vectorOf(row) {
  return vectors.slice(row * DIMENSIONS, (row + 1) * DIMENSIONS)
}

/** Rows spread over the set by a step that shares no factor with its size. */
function sampledRow(query) {
  return (query * 7919 + 13) % count
}

function seconds(start) {
  return (performance.now() - start) / 1000
}

async function storeAndIndex(database, images) {
  const ids = Array.from({ length: count }, (_, row) => row)
  const metadata = Array.from(labels, (label) => ({ label }))
  const start = performance.now()
  await images.upsert({ ids, vectors, metadata })
  const stored = seconds(start)
  while ((await images.stats()).indexedRows < count) await new Promise((resolve) => setTimeout(resolve, 5))
  const indexed = seconds(start)
  await database.flush()
  return { stored, indexed }
}

/** The queries are stored rows, so 11 are asked for and the row itself is left out, in both answers. */
async function recall(images) {
  let found = 0
  for (let query = 0; query < RECALL_QUERIES; query++) {
    const row = sampledRow(query)
    const [graph, exact] = await Promise.all(
      [false, true].map(async (isExact) => {
        const hits = await images.search({ vector: vectorOf(row), k: K + 1, exact: isExact, include: [] })
        return hits
          .map(({ id }) => id)
          .filter((id) => id !== row)
          .slice(0, K)
      }),
    )
    found += exact.filter((id) => graph.includes(id)).length
  }
  return found / (RECALL_QUERIES * K)
}

/** Milliseconds per call, one call after the other. */
async function timeQueries(images, exact, queries) {
  const times = []
  for (let query = -WARM_UP_QUERIES; query < queries; query++) {
    const vector = vectorOf(sampledRow(query + WARM_UP_QUERIES))
    const start = performance.now()
    await images.search({ vector, k: K, exact })
    if (query >= 0) times.push(performance.now() - start)
  }
  const total = times.reduce((sum, time) => sum + time, 0)
  times.sort((a, b) => a - b)
  const percentile = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]
  return { perSecond: (1000 * times.length) / total, p50: percentile(0.5), p99: percentile(0.99) }
}

/** From a closed database to its first answer. */
async function reopen(options) {
  const start = performance.now()
  const database = await open(folder, options)
  const images = await database.collection('images', COLLECTION)
  const hits = await images.search({ vector: vectorOf(0), k: K })
  const milliseconds = performance.now() - start
  const stats = await images.stats()
  if (hits[0]?.id !== 0 || stats.rows !== count || stats.indexedRows !== count)
    throw new Error(`reopened with ${stats.rows} rows, ${stats.indexedRows} in the graph, expected ${count}`)
  return { database, images, milliseconds }
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const milliseconds = (value) => `${value < 10 ? value.toFixed(2) : whole.format(value)} ms`
const place = (stats) => (stats.engine === 'worker' ? 'in a worker' : 'in place')

function printTable(rows) {
  const nameWidth = Math.max(...rows.map(([name]) => name.length))
  const valueWidth = Math.max(...rows.map(([, value]) => value.length))
  for (const [name, value, note] of rows)
    console.log(`  ${name.padEnd(nameWidth)}  ${value.padStart(valueWidth)}  ${note}`.trimEnd())
}

function describeQueries(name, timed) {
  return [
    [`queries/s ${name}`, whole.format(timed.perSecond), `one after the other, k ${K}, through the API`],
    ['  p50 / p99', `${timed.p50.toFixed(2)} / ${timed.p99.toFixed(2)} ms`, ''],
  ]
}

async function run() {
  const first = await open(folder)
  const images = await first.collection('images', COLLECTION)
  const { stored, indexed } = await storeAndIndex(first, images)
  const recallAt10 = await recall(images)
  const outside = await timeQueries(images, false, TIMED_QUERIES)
  const exact = await timeQueries(images, true, 200)
  const { memory } = await images.stats()
  const stats = await first.stats()
  await first.close()

  const again = await reopen({})
  await again.database.close()
  const inPlace = await reopen({ worker: false })
  const inside = await timeQueries(inPlace.images, false, TIMED_QUERIES)
  const insideStats = await inPlace.database.stats()
  await inPlace.database.close()

  const bytes = (value) => whole.format(value / count)
  const { vectors: full, codes, links, ids, metadata } = memory
  const parts = `vectors ${bytes(full)} + codes ${bytes(codes)} + links ${bytes(links)} + ids ${bytes(ids)}`
  console.log(
    `\nOmenDB, ${whole.format(count)} images x ${DIMENSIONS} dimensions, l2, Node ${process.versions.node}`,
  )
  console.log(`engine ${place(stats)}, ${stats.simd}, storage ${stats.storage}, default settings\n`)
  printTable([
    ['vectors/s stored', whole.format(count / stored), 'durable and searchable when acknowledged'],
    [
      'vectors/s indexed',
      whole.format(count / indexed),
      'from the first upsert until the graph covers every row',
    ],
    [
      `recall@${K}`,
      recallAt10.toFixed(4),
      `against exact search, ${RECALL_QUERIES} stored rows, each without itself`,
    ],
    ...describeQueries(place(stats), outside),
    ...describeQueries(place(insideStats), inside),
    ...describeQueries('exact', exact),
    ['bytes/vector', bytes(full + codes + links + ids), `${parts}; metadata ${bytes(metadata)} more`],
    ['bytes stored/vector', bytes(stats.storageUsedBytes), stats.storage],
    ['reopen', milliseconds(again.milliseconds), 'to the first answer, nothing indexed again'],
    ['  in place', milliseconds(inPlace.milliseconds), ''],
  ])
  console.log()
}

try {
  await run()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
