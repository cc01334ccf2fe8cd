/** Voy: a k-d tree in Rust, compiled to WebAssembly. It takes all rows at once. */
import {
  type Engine,
  EVERYWHERE,
  type Index,
  type Loaded,
  rowOf,
  type Shape,
  unitLength,
} from './contract.js'

interface Voy {
  search(query: Float32Array, k: number): { neighbors: { id: string }[] }
  serialize(): string
  free(): void
}

interface VoyModule {
  Voy: { new (resource: { embeddings: unknown[] }): Voy; deserialize(text: string): Voy }
  __wbg_set_wasm(exports: WebAssembly.Exports): void
}

export const voy: Engine = {
  id: 'voy',
  title: 'Voy',
  package: 'voy-search',
  places: EVERYWHERE,
  metrics: { l2: true, cosine: true, dot: 'not offered' },
  tunable: 'a k-d tree has no ef',
  rowsPerAdd: 10_000,
  rowsMax: { rows: 10_000, why: 'takes all vectors in one call, as arrays of numbers' },
  notes: ['cosine by l2 over rows scaled to unit length'],
  async load(host): Promise<Loaded> {
    const module = (await host.module('peers/voy-search/voy_search_bg.js')) as VoyModule
    const wasm = await WebAssembly.instantiate(await host.bytes('peers/voy-search/voy_search_bg.wasm'), {
      './voy_search_bg.js': module as unknown as WebAssembly.ModuleImports,
    })
    module.__wbg_set_wasm(wasm.instance.exports)
    const memory = wasm.instance.exports['memory'] as WebAssembly.Memory
    const indexOf = ({ rows, dimensions, metric }: Shape, loaded: Voy | null): Index => {
      const given = (vector: Float32Array) => (metric === 'cosine' ? unitLength(vector) : vector)
      let index = loaded
      const ready = () => {
        if (index === null) throw new Error('nothing was added')
        return index
      }
      return {
        add(vectors, first, count) {
          if (first !== 0 || count !== rows) throw new Error('it takes all rows in one call')
          index = new module.Voy({
            embeddings: Array.from({ length: rows }, (_, row) => {
              const embeddings = Array.from(given(rowOf(vectors, dimensions, row)))
              return { id: String(row), title: '', url: '', embeddings }
            }),
          })
        },
        search: (query, k) =>
          ready()
            .search(given(query), k)
            .neighbors.map(({ id }) => Number(id)),
        memoryBytes: () => memory.buffer.byteLength,
        save: () => host.store.put('voy', new TextEncoder().encode(ready().serialize())),
        close: () => index?.free(),
      }
    }
    return {
      create: (shape) => indexOf(shape, null),
      async reload(shape) {
        const text = new TextDecoder().decode(await host.store.get('voy'))
        return indexOf(shape, module.Voy.deserialize(text))
      },
    }
  },
}
