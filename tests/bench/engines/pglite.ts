/** PGlite with pgvector: PostgreSQL in WebAssembly. */
import {
  type Engine,
  EVERYWHERE,
  type Graph,
  type Host,
  type Index,
  type Loaded,
  rowOf,
  type Shape,
} from './contract.js'

interface PGlite {
  exec(sql: string): Promise<unknown>
  query<Row>(sql: string, parameters: unknown[]): Promise<{ rows: Row[] }>
  close(): Promise<void>
}

interface PGliteModule {
  PGlite: { create(options: Record<string, unknown>): Promise<PGlite> }
}

const OPERATORS = { l2: '<->', cosine: '<=>', dot: '<#>' }
const CLASSES = { l2: 'vector_l2_ops', cosine: 'vector_cosine_ops', dot: 'vector_ip_ops' }
const literal = (vector: Float32Array) => `[${vector.join()}]`

export const pglite: Engine = {
  id: 'pglite',
  title: 'PGlite + pgvector',
  package: '@electric-sql/pglite',
  places: EVERYWHERE,
  metrics: { l2: true, cosine: true, dot: true },
  tunable: true,
  rowsPerAdd: 100,
  rowsMax: { rows: 20_000, why: 'builds slowly' },
  notes: [
    'stores as it goes, in its own folder or IndexedDB; sequential scans are turned off, durability is relaxed: without that a page waits for IndexedDB after each query',
  ],
  async load(host): Promise<Loaded> {
    const entry = (await host.module('peers/@electric-sql/pglite/dist/index.js')) as PGliteModule
    const { vector } = (await host.module('peers/@electric-sql/pglite-pgvector/dist/index.js')) as {
      vector: unknown
    }
    const options = { dataDir: dataFolder(host), extensions: { vector }, relaxedDurability: true }
    const open = () => entry.PGlite.create(options)
    return {
      async create(shape, graph) {
        const pg = await open()
        await pg.exec(
          `CREATE EXTENSION IF NOT EXISTS vector; DROP TABLE IF EXISTS rows;
           CREATE TABLE rows (id int PRIMARY KEY, v vector(${shape.dimensions}))`,
        )
        return indexOf(pg, shape, graph)
      },
      reload: async (shape, graph) => indexOf(await open(), shape, graph),
    }
  },
}

function dataFolder({ kind, store }: Host): string {
  return kind === 'node' ? `${store.place}/pglite` : `idb://${store.place}`
}

function indexOf(pg: PGlite, { dimensions, metric }: Shape, { M, efConstruction }: Graph): Index {
  const nearest = `SELECT id FROM rows ORDER BY v ${OPERATORS[metric]} $1 LIMIT `
  return {
    async add(vectors, first, count) {
      const places = Array.from({ length: count }, (_, i) => `(${first + i},$${i + 1})`)
      const values = Array.from({ length: count }, (_, i) => literal(rowOf(vectors, dimensions, first + i)))
      await pg.query(`INSERT INTO rows VALUES ${places.join()}`, values)
    },
    async finish() {
      await pg.exec(
        `SET maintenance_work_mem = '256MB';
         CREATE INDEX ON rows USING hnsw (v ${CLASSES[metric]}) WITH (m = ${M}, ef_construction = ${efConstruction})`,
      )
    },
    async setEf(ef) {
      await pg.exec(`SET enable_seqscan = off; SET hnsw.ef_search = ${ef}`)
    },
    async search(query, k) {
      const { rows } = await pg.query<{ id: number }>(nearest + String(k), [literal(query)])
      return rows.map(({ id }) => id)
    },
    async save() {
      await pg.exec('CHECKPOINT')
    },
    close: () => pg.close(),
  }
}
