/** EdgeVec: an HNSW index in Rust, compiled to WebAssembly. */
import {
  type Engine,
  EVERYWHERE,
  type Graph,
  type Host,
  type Index,
  type Loaded,
  rowOf,
  type Shape,
  unitLength,
} from './contract.js'

interface EdgeVec {
  insert(vector: Float32Array): number
  search(query: Float32Array, k: number): { id: number }[]
  save(name: string): Promise<void>
  free(): void
}

interface EdgeVecModule {
  default(options: { module_or_path: Uint8Array<ArrayBuffer> }): Promise<{ memory: WebAssembly.Memory }>
  EdgeVecConfig: new (dimensions: number) => Record<string, unknown>
  EdgeVec: { new (config: unknown): EdgeVec; load(name: string): Promise<EdgeVec> }
}

const EF_SEARCH = 112
// Its ids count from 1.
const FIRST_ID = 1

const common = {
  package: 'edgevec',
  places: EVERYWHERE,
  tunable: `ef_search is fixed when an index is made: ${EF_SEARCH}`,
  rowsPerAdd: 64,
  rowsMax: { rows: 20_000, why: 'builds slowly' },
} as const

export const edgevecEngines: readonly Engine[] = [
  {
    ...common,
    id: 'edgevec',
    title: 'EdgeVec',
    rowsMaxFor: {
      cosine: { rows: 3000, why: 'finds the wrong rows, and builds the slower the more it has' },
    },
    metrics: { l2: true, cosine: true, dot: true },
    load: (host) => loadEdgeVec(host, false),
  },
  {
    ...common,
    id: 'edgevec-l2',
    title: 'EdgeVec (its l2, rows of unit length)',
    metrics: { l2: 'the same as EdgeVec’s own', cosine: true, dot: 'not an order of unit vectors' },
    notes: ['cosine by l2 over rows scaled to unit length: its own cosine is measured beside it'],
    load: (host) => loadEdgeVec(host, true),
  },
]

async function loadEdgeVec(host: Host, scaled: boolean): Promise<Loaded> {
  const module = (await host.module('peers/edgevec/edgevec.js')) as EdgeVecModule
  const { memory } = await module.default({
    module_or_path: await host.bytes('peers/edgevec/edgevec_bg.wasm'),
  })
  const given = (vector: Float32Array) => (scaled ? unitLength(vector) : vector)
  const indexOf = (edgevec: EdgeVec, { dimensions }: Shape): Index => ({
    add(vectors, first, count) {
      for (let row = first; row < first + count; row++) {
        const id = edgevec.insert(given(rowOf(vectors, dimensions, row)))
        if (id !== row + FIRST_ID) throw new Error(`row ${row} got the id ${id}`)
      }
    },
    search: (query, k) => edgevec.search(given(query), k).map(({ id }) => id - FIRST_ID),
    memoryBytes: () => memory.buffer.byteLength,
    save: () => edgevec.save(host.store.place),
    close: () => edgevec.free(),
  })
  return {
    create(shape: Shape, { M, efConstruction }: Graph) {
      const config = new module.EdgeVecConfig(shape.dimensions)
      Object.assign(config, { m: M, m0: 2 * M, ef_construction: efConstruction, ef_search: EF_SEARCH })
      config['metric'] = scaled ? 'l2' : shape.metric
      return indexOf(new module.EdgeVec(config), shape)
    },
    reload: async (shape) => indexOf(await module.EdgeVec.load(host.store.place), shape),
  }
}
