/** This project through its public API. One row of `VARIANTS` per way to run it. */
import type { Database } from '../../../js/api/database.js'
import type { OpenOptions, Quantization } from '../../../js/api/types.js'
import { type Engine, EVERYWHERE, type Host, type Index, type Loaded, type Shape } from './contract.js'

interface Variant {
  readonly id: string
  readonly title: string
  readonly wasm: 'simd' | 'relaxed'
  readonly quantization: Quantization
  readonly worker: boolean
  readonly firefox?: true
}

const VARIANTS: readonly Variant[] = [
  {
    id: 'omendb',
    title: 'OmenDB (relaxed SIMD)',
    wasm: 'relaxed',
    quantization: 'auto',
    worker: false,
    firefox: true,
  },
  {
    id: 'omendb-simd',
    title: 'OmenDB (SIMD)',
    wasm: 'simd',
    quantization: 'auto',
    worker: false,
    firefox: true,
  },
  {
    id: 'omendb-sq8',
    title: 'OmenDB (relaxed SIMD, SQ8)',
    wasm: 'relaxed',
    quantization: 'sq8',
    worker: false,
  },
  {
    id: 'omendb-f32',
    title: 'OmenDB (relaxed SIMD, f32)',
    wasm: 'relaxed',
    quantization: 'none',
    worker: false,
  },
  {
    id: 'omendb-worker',
    title: 'OmenDB (relaxed SIMD, in a worker)',
    wasm: 'relaxed',
    quantization: 'auto',
    worker: true,
    firefox: true,
  },
]

// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
const RELAXED_FLAG = '--experimental-wasm-relaxed-simd'
const nodeMajor = Number(globalThis.process?.versions?.node?.split('.')[0] ?? 22)

export const omendbEngines: readonly Engine[] = VARIANTS.map((variant) => ({
  id: variant.id,
  title: variant.title,
  package: 'omendb',
  places: { ...EVERYWHERE, firefox: variant.firefox ?? 'measured in Chromium and Node' },
  metrics: { l2: true, cosine: true, dot: true },
  tunable: true,
  rowsPerAdd: 4096,
  nodeArguments: variant.wasm === 'relaxed' && nodeMajor < 22 ? [RELAXED_FLAG] : [],
  load: (host) => loadOmendb(host, variant),
}))

type Open = (name: string, options: OpenOptions) => Promise<Database>

async function loadOmendb(host: Host, variant: Variant): Promise<Loaded> {
  const entry = host.kind === 'node' ? 'dist/node.js' : 'dist/browser.js'
  const { open } = (await host.module(entry)) as { open: Open }
  // A module that the runtime cannot run is refused, so a missing flag cannot pass for relaxed SIMD.
  const common = { worker: variant.worker, wasm: host.url(`dist/core-${variant.wasm}.wasm`) }
  const openStored = () =>
    host.kind === 'node' ? open(`${host.store.place}/omendb`, common) : open(host.store.place, common)
  return {
    async create(shape, graph) {
      const db = await open('bench', { ...common, storage: 'memory' })
      const index = { M: graph.M, efConstruction: graph.efConstruction }
      const { dimensions, metric } = shape
      await db.collection('rows', { dimensions, metric, quantization: variant.quantization, index })
      const made = await indexOf(db, shape)
      return {
        ...made,
        async save() {
          const stored = await openStored()
          await stored.restore(await db.backup())
          await stored.close()
        },
      }
    },
    reload: async (shape) => indexOf(await openStored(), shape),
  }
}

async function indexOf(db: Database, { dimensions }: Shape): Promise<Index> {
  const collection = await db.collection('rows')
  let efSearch: number | undefined
  return {
    async add(vectors, first, count) {
      await collection.upsert({
        ids: Array.from({ length: count }, (_, i) => first + i),
        vectors: vectors.subarray(first * dimensions, (first + count) * dimensions),
      })
    },
    finish: () => db.idle(),
    setEf(ef) {
      efSearch = ef
    },
    async search(vector, k) {
      const hits = await collection.search({ vector, k, efSearch, include: [] })
      return hits.map(({ id }) => id as number)
    },
    async memoryBytes() {
      return (await db.stats()).memoryBytes
    },
    async variant() {
      const { simd, engine } = await db.stats()
      return `${simd}, ${engine}`
    },
    close: () => db.close(),
  }
}
