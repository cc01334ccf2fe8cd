/** MeMemo: HNSW in JavaScript. Vectors in memory, not in IndexedDB, which would be slower still. */
import { type Engine, EVERYWHERE, type Index, type Loaded, rowOf, type Shape } from './contract.js'

interface Hnsw {
  bulkInsert(keys: string[], values: number[][]): Promise<void>
  bulkInsertSkipIndex(keys: string[], values: number[][]): Promise<void>
  query(value: number[], k: number, ef?: number): Promise<{ keys: string[] }>
  exportIndex(): unknown
  loadIndex(index: unknown): void
}

interface MememoModule {
  HNSW: new (options: Record<string, unknown>) => Hnsw
}

const squaredL2 = (a: readonly number[], b: readonly number[]) => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return sum
}

export const mememo: Engine = {
  id: 'mememo',
  title: 'MeMemo',
  package: 'mememo',
  places: EVERYWHERE,
  metrics: { l2: true, cosine: true, dot: 'not offered' },
  tunable: true,
  rowsPerAdd: 64,
  rowsMax: { rows: 10_000, why: 'builds slowly' },
  notes: ['l2 is a function given to it', 'what it exports has no vectors: the caller keeps those'],
  async load(host): Promise<Loaded> {
    const { HNSW } = (await host.module('peers/mememo/dist/index.es.js')) as MememoModule
    const make = ({ metric }: Shape, m: number, efConstruction: number, seed: number) =>
      new HNSW({
        distanceFunction: metric === 'l2' ? squaredL2 : 'cosine',
        m,
        efConstruction,
        seed,
        useIndexedDB: false,
      })
    const columns = (vectors: Float32Array, dimensions: number, first: number, count: number) => ({
      keys: Array.from({ length: count }, (_, i) => String(first + i)),
      values: Array.from({ length: count }, (_, i) => Array.from(rowOf(vectors, dimensions, first + i))),
    })
    const indexOf = (hnsw: Hnsw, { rows, dimensions }: Shape): Index => {
      let all = new Float32Array(0)
      let efSearch: number | undefined
      return {
        async add(vectors, first, count) {
          all = vectors.subarray(0, rows * dimensions) as Float32Array<ArrayBuffer>
          const { keys, values } = columns(vectors, dimensions, first, count)
          await hnsw.bulkInsert(keys, values)
        },
        setEf(ef) {
          efSearch = ef
        },
        async search(query, k) {
          return (await hnsw.query(Array.from(query), k, efSearch)).keys.map(Number)
        },
        async save() {
          await host.store.put('vectors', new Uint8Array(all.buffer, all.byteOffset, all.byteLength))
          await host.store.put('graph', new TextEncoder().encode(JSON.stringify(hnsw.exportIndex())))
        },
        close: () => undefined,
      }
    }
    return {
      create: (shape, { M, efConstruction, seed }) => indexOf(make(shape, M, efConstruction, seed), shape),
      async reload(shape, { M, efConstruction, seed }) {
        const hnsw = make(shape, M, efConstruction, seed)
        const graph = new TextDecoder().decode(await host.store.get('graph'))
        hnsw.loadIndex(JSON.parse(graph) as unknown)
        const vectors = await host.store.get('vectors')
        const floats = new Float32Array(vectors.buffer, vectors.byteOffset, vectors.byteLength / 4)
        const { keys, values } = columns(floats, shape.dimensions, 0, shape.rows)
        await hnsw.bulkInsertSkipIndex(keys, values)
        return indexOf(hnsw, shape)
      },
    }
  },
}
