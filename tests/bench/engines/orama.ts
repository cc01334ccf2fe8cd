/** Orama: a search engine in JavaScript; of vectors it compares every one. */
import { type Engine, EVERYWHERE, type Index, type Loaded, rowOf, type Shape } from './contract.js'

interface OramaModule {
  create(options: { schema: Record<string, string> }): unknown
  insert(db: unknown, row: { id: string; v: number[] }): unknown
  searchVector(db: unknown, options: Record<string, unknown>): unknown
  save(db: unknown): unknown
  load(db: unknown, saved: unknown): void
}

interface Found {
  hits: { id: string }[]
}

export const orama: Engine = {
  id: 'orama',
  title: 'Orama (every row)',
  package: '@orama/orama',
  places: EVERYWHERE,
  metrics: { l2: 'cosine only', cosine: true, dot: 'cosine only' },
  tunable: 'compares every row',
  rowsPerAdd: 64,
  rowsMax: { rows: 10_000, why: 'compares every row, in JavaScript' },
  async load(host): Promise<Loaded> {
    const folder = host.kind === 'node' ? 'esm' : 'browser'
    const library = (await host.module(`peers/@orama/orama/dist/${folder}/index.js`)) as OramaModule
    const make = ({ dimensions }: Shape) => library.create({ schema: { v: `vector[${dimensions}]` } })
    const indexOf = (db: unknown, { dimensions }: Shape): Index => ({
      async add(vectors, first, count) {
        for (let row = first; row < first + count; row++) {
          await library.insert(db, { id: String(row), v: Array.from(rowOf(vectors, dimensions, row)) })
        }
      },
      async search(query, k) {
        const vector = { value: Array.from(query), property: 'v' }
        // The least cosine there is: by default rows below a similarity of 0.8 are left out.
        const options = { mode: 'vector', vector, similarity: -1, limit: k, includeVectors: false }
        const { hits } = (await library.searchVector(db, options)) as Found
        return hits.map(({ id }) => Number(id))
      },
      save: () => host.store.put('orama', new TextEncoder().encode(JSON.stringify(library.save(db)))),
      close: () => undefined,
    })
    return {
      create: (shape) => indexOf(make(shape), shape),
      async reload(shape) {
        const db = make(shape)
        library.load(db, JSON.parse(new TextDecoder().decode(await host.store.get('orama'))) as unknown)
        return indexOf(db, shape)
      },
    }
  },
}
