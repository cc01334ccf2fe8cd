/** In the page: one engine, chosen by the runner, answering build and search. */
import { omenDriver } from './omen-driver.mjs'

const floats = async (name) => new Float32Array(await (await fetch(`/${name}`)).arrayBuffer())

async function hnswlibDriver(data, graph) {
  const { loadHnswlib } = await import('hnswlib-wasm')
  const lib = await loadHnswlib()
  const count = data.base.length / data.dimensions
  const queryCount = data.queries.length / data.dimensions
  const row = (array, i) => array.subarray(i * data.dimensions, (i + 1) * data.dimensions)
  const index = new lib.HierarchicalNSW(data.metric === 'dot' ? 'ip' : data.metric, data.dimensions, '')
  index.initIndex(count, graph.M, graph.efConstruction, graph.seed)
  return {
    build() {
      const start = performance.now()
      for (let i = 0; i < count; i++) index.addPoint(row(data.base, i), i, false)
      return { seconds: (performance.now() - start) / 1000 }
    },
    search(ef, k) {
      index.setEfSearch(ef)
      const latenciesUs = []
      const found = []
      const start = performance.now()
      for (let i = 0; i < queryCount; i++) {
        const before = performance.now()
        const { neighbors } = index.searchKnn(row(data.queries, i), k, undefined)
        latenciesUs.push((performance.now() - before) * 1000)
        found.push(neighbors)
      }
      return { seconds: (performance.now() - start) / 1000, latenciesUs, found }
    },
  }
}

let driver = null
globalThis.bench = {
  async build(kind, files, graph) {
    const data = {
      base: await floats(files.base),
      queries: await floats(files.queries),
      dimensions: files.dimensions,
      metric: files.metric,
    }
    if (kind === 'hnswlib-wasm') driver = await hnswlibDriver(data, graph)
    else {
      const { open } = await import(/* @vite-ignore */ files.entry)
      driver = await omenDriver(open, data, kind === 'omendb f32' ? 'none' : 'sq8', graph)
    }
    return driver.build()
  },
  search: (ef, k) => driver.search(ef, k),
}
