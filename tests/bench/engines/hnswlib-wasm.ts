/** hnswlib-wasm: hnswlib compiled to WebAssembly, for browsers. */
import { type Engine, rowOf, type Loaded } from './contract.js'

interface HnswlibIndex {
  initIndex(rows: number, M: number, efConstruction: number, seed: number): void
  addPoint(vector: Float32Array, label: number, replaceDeleted: boolean): void
  setEfSearch(ef: number): void
  searchKnn(query: Float32Array, k: number, filter: undefined): { neighbors: number[] }
  writeIndex(name: string): Promise<boolean>
  readIndex(name: string, rows: number): Promise<boolean>
  delete?(): void
}

interface Hnswlib {
  HierarchicalNSW: new (space: string, dimensions: number, file: string) => HnswlibIndex
  HEAPU8?: Uint8Array
}

interface HnswlibModule {
  loadHnswlib(fileSystem?: string): Promise<Hnswlib>
  syncFileSystem(action: 'read' | 'write'): Promise<void>
}

const FILE = 'bench.dat'
const NODE = 'its module refuses every environment but a browser'

export const hnswlibWasm: Engine = {
  id: 'hnswlib-wasm',
  title: 'hnswlib-wasm',
  package: 'hnswlib-wasm',
  places: { node: NODE, chromium: true, firefox: 'measured in Chromium' },
  metrics: { l2: true, cosine: true, dot: true },
  tunable: true,
  rowsPerAdd: 64,
  async load(host): Promise<Loaded> {
    const module = (await host.module('peers/hnswlib-wasm/dist/hnswlib.js')) as HnswlibModule
    const library = await module.loadHnswlib('IDBFS')
    const open = (metric: string, dimensions: number) => {
      const index = new library.HierarchicalNSW(metric === 'dot' ? 'ip' : metric, dimensions, '')
      return {
        index,
        methods: {
          add(vectors: Float32Array, first: number, count: number) {
            for (let row = first; row < first + count; row++) {
              index.addPoint(rowOf(vectors, dimensions, row), row, false)
            }
          },
          setEf: (ef: number) => index.setEfSearch(ef),
          search: (query: Float32Array, k: number) => index.searchKnn(query, k, undefined).neighbors,
          async save() {
            await index.writeIndex(FILE)
            await module.syncFileSystem('write')
          },
          memoryBytes: () => library.HEAPU8?.byteLength ?? 0,
          close: () => index.delete?.(),
        },
      }
    }
    return {
      create({ rows, dimensions, metric }, { M, efConstruction, seed }) {
        const { index, methods } = open(metric, dimensions)
        index.initIndex(rows, M, efConstruction, seed)
        return methods
      },
      async reload({ rows, dimensions, metric }) {
        await module.syncFileSystem('read')
        const { index, methods } = open(metric, dimensions)
        await index.readIndex(FILE, rows)
        return methods
      },
    }
  },
}
