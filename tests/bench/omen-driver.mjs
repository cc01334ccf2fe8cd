/** OmenDB through its public API, engine in place, memory storage: the same code in Node and in a page. */

const INGEST_ROWS = 4096

/** `data`: { base, queries, dimensions, metric }. */
export async function omenDriver(open, data, quantization, graph) {
  const db = await open('bench', { storage: 'memory', worker: false })
  const rows = db.collection('rows', {
    dimensions: data.dimensions,
    metric: data.metric,
    quantization,
    index: { M: graph.M, efConstruction: graph.efConstruction },
  })
  const collection = await rows
  const count = data.base.length / data.dimensions
  const queryCount = data.queries.length / data.dimensions
  const query = (i) => data.queries.subarray(i * data.dimensions, (i + 1) * data.dimensions)
  return {
    async build() {
      const start = performance.now()
      for (let first = 0; first < count; first += INGEST_ROWS) {
        const last = Math.min(count, first + INGEST_ROWS)
        await collection.upsert({
          ids: Array.from({ length: last - first }, (_, i) => first + i),
          vectors: data.base.subarray(first * data.dimensions, last * data.dimensions),
        })
      }
      const ingested = performance.now()
      await db.idle()
      const seconds = (performance.now() - start) / 1000
      const stats = await collection.stats()
      return {
        seconds,
        ingestSeconds: (ingested - start) / 1000,
        memory: stats.memory,
        simd: (await db.stats()).simd,
      }
    },
    async search(efSearch, k) {
      const latenciesUs = []
      const found = []
      const start = performance.now()
      for (let i = 0; i < queryCount; i++) {
        const before = performance.now()
        const hits = await collection.search({ vector: query(i), k, efSearch, include: [] })
        latenciesUs.push((performance.now() - before) * 1000)
        found.push(hits.map((hit) => hit.id))
      }
      return { seconds: (performance.now() - start) / 1000, latenciesUs, found }
    },
    close: () => db.close(),
  }
}
