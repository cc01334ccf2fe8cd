/** usearch: a C++ index as a native Node add-on, with its own prebuilt binary. */
import { type Engine, rowOf, type Index, type Loaded, type Shape } from './contract.js'

interface UsearchIndex {
  add(key: bigint, vector: Float32Array, threads: number): void
  search(vector: Float32Array, k: number, threads: number): { keys: BigUint64Array }
  save(path: string): void
  load(path: string): void
}

interface Usearch {
  Index: new (options: Record<string, unknown>) => UsearchIndex
}

const METRICS = { l2: 'l2sq', cosine: 'cos', dot: 'ip' }
const ONE_THREAD = 1

export const usearch: Engine = {
  id: 'usearch',
  title: 'usearch (native add-on)',
  package: 'usearch',
  places: { node: true, chromium: 'a native add-on', firefox: 'measured in Node' },
  metrics: { l2: true, cosine: true, dot: true },
  tunable: true,
  rowsPerAdd: 64,
  notes: [
    'expansion_search is fixed when an index is made, so each ef is searched in a copy loaded from one saved file; memory is that of one',
  ],
  async load(host): Promise<Loaded> {
    const { default: library } = (await host.module('peers/usearch/javascript/dist/esm/usearch.js')) as {
      default: Usearch
    }
    const path = `${host.store.place}/usearch.bin`
    const make = ({ dimensions, metric }: Shape, M: number, efConstruction: number, ef: number) =>
      new library.Index({
        dimensions,
        metric: METRICS[metric],
        quantization: 'f32',
        connectivity: M,
        expansion_add: efConstruction,
        expansion_search: ef,
        multi: false,
      })
    const open = (shape: Shape, M: number, efConstruction: number, saved: boolean): Index => {
      let index = make(shape, M, efConstruction, 64)
      if (saved) index.load(path)
      let isSaved = saved
      return {
        add(vectors, first, count) {
          for (let row = first; row < first + count; row++) {
            index.add(BigInt(row), rowOf(vectors, shape.dimensions, row), ONE_THREAD)
          }
        },
        setEf(ef) {
          if (!isSaved) index.save(path)
          isSaved = true
          index = make(shape, M, efConstruction, ef)
          index.load(path)
        },
        search: (query, k) => Array.from(index.search(query, k, ONE_THREAD).keys, Number),
        save: () => index.save(path),
        close: () => undefined,
      }
    }
    return {
      create: (shape, { M, efConstruction }) => open(shape, M, efConstruction, false),
      reload: async (shape, { M, efConstruction }) => open(shape, M, efConstruction, true),
    }
  },
}
