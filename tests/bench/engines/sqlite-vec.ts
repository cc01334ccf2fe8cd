/** sqlite-vec: SQLite in WebAssembly with a table of vectors that compares every row. */
import { type Engine, rowOf, type Index, type Loaded, type Shape } from './contract.js'

interface Statement {
  bind(index: number, value: unknown): Statement
  step(): boolean
  stepReset(): Statement
  reset(): Statement
  getInt(column: number): number
  finalize(): void
}

interface Sqlite {
  oo1: {
    DB: new (name: string) => {
      exec(sql: string): void
      prepare(sql: string): Statement
      close(): void
      pointer: number
    }
  }
  capi: {
    sqlite3_js_db_export(db: unknown): Uint8Array
    sqlite3_deserialize(
      db: number,
      schema: string,
      bytes: number,
      size: number,
      room: number,
      flags: number,
    ): number
    SQLITE_DESERIALIZE_FREEONCLOSE: number
    SQLITE_DESERIALIZE_RESIZEABLE: number
  }
  wasm: { allocFromTypedArray(bytes: Uint8Array): number; memory?: WebAssembly.Memory; heap8u(): Uint8Array }
}

const METRICS = { l2: 'l2', cosine: 'cosine', dot: '' }
const blob = (vector: Float32Array) => new Uint8Array(vector.slice().buffer)
const NODE = 'its module refuses every environment but a browser'

export const sqliteVec: Engine = {
  id: 'sqlite-vec',
  title: 'sqlite-vec (every row)',
  package: 'sqlite-vec-wasm-demo',
  places: { node: NODE, chromium: true, firefox: 'measured in Chromium' },
  metrics: { l2: true, cosine: true, dot: 'not offered' },
  tunable: 'compares every row',
  rowsPerAdd: 64,
  rowsMax: { rows: 20_000, why: 'compares every row' },
  notes: [
    '0.1.7-alpha.2: version 0.1.9 as published aborts when it is started',
    'saved by exporting the database and keeping the bytes: this build has no persistent storage',
  ],
  async load(host): Promise<Loaded> {
    const module = (await host.module('peers/sqlite-vec-wasm-demo/sqlite3.mjs')) as {
      default(): Promise<Sqlite>
    }
    const sqlite = await module.default()
    const indexOf = (shape: Shape, saved: Uint8Array | null): Index => {
      const db = new sqlite.oo1.DB(':memory:')
      if (saved === null) {
        db.exec(
          `CREATE VIRTUAL TABLE rows USING vec0(v float[${shape.dimensions}] distance_metric=${METRICS[shape.metric]})`,
        )
      } else {
        const { capi, wasm } = sqlite
        const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_RESIZEABLE
        const size = saved.byteLength
        const code = capi.sqlite3_deserialize(
          db.pointer,
          'main',
          wasm.allocFromTypedArray(saved),
          size,
          size,
          flags,
        )
        if (code !== 0) throw new Error(`sqlite3_deserialize answered ${code}`)
      }
      const insert = db.prepare('INSERT INTO rows(rowid, v) VALUES (?, ?)')
      const nearest = db.prepare('SELECT rowid FROM rows WHERE v MATCH ? AND k = ?')
      return {
        add(vectors, first, count) {
          db.exec('BEGIN')
          for (let row = first; row < first + count; row++) {
            insert
              .bind(1, BigInt(row))
              .bind(2, blob(rowOf(vectors, shape.dimensions, row)))
              .stepReset()
          }
          db.exec('COMMIT')
        },
        search(query, k) {
          nearest.bind(1, blob(query)).bind(2, k)
          const rows: number[] = []
          while (nearest.step()) rows.push(nearest.getInt(0))
          nearest.reset()
          return rows
        },
        memoryBytes: () => sqlite.wasm.heap8u().byteLength,
        save: () => host.store.put('sqlite', sqlite.capi.sqlite3_js_db_export(db)),
        close() {
          insert.finalize()
          nearest.finalize()
          db.close()
        },
      }
    }
    return {
      create: (shape) => indexOf(shape, null),
      reload: async (shape) => indexOf(shape, await host.store.get('sqlite')),
    }
  },
}
