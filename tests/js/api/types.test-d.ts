/** What TypeScript has to accept and to refuse. Checked by the compiler (`npm run check`), never run. */
import { expectTypeOf } from 'vitest'
import {
  type Collection,
  type Database,
  type Hit,
  type Id,
  open,
  type OmenError,
  type Row,
  type ErrorCode,
} from 'omendb'

interface Note {
  lang: string
  year?: number
}

export async function compiles(db: Database, error: OmenError): Promise<void> {
  expectTypeOf(open).returns.resolves.toEqualTypeOf<Database>()
  expectTypeOf(open).parameter(0).toEqualTypeOf<string>()

  const notes = await db.collection<Note>('notes', { dimensions: 3, metric: 'cosine' })
  expectTypeOf(notes).toEqualTypeOf<Collection<Note>>()
  const plain = await db.collection('plain', { dimensions: 3, metric: 'l2' })
  expectTypeOf(plain).toEqualTypeOf<Collection>()

  await notes.upsert([
    { id: 1, vector: [1, 2, 3], metadata: { lang: 'en' } },
    { id: 2n, vector: new Float32Array(3) },
  ])
  await notes.upsert({ ids: ['a'], vectors: new Float32Array(3), metadata: [{ lang: 'en', year: 1 }] })
  await notes.upsert(
    { ids: ['a'], vectors: new Float32Array(3), metadata: [undefined] },
    { onProgress: ({ done }) => done },
  )

  const bits = await db.collection('bits', { dimensions: 8, metric: 'l1', vectorType: 'binary' })
  await bits.upsert([{ id: 1, vector: new Uint8Array(1) }])
  await bits.upsert({ ids: [1], vectors: new Uint8Array(1) })
  expectTypeOf((await bits.stats()).vectorType).toEqualTypeOf<'float32' | 'float16' | 'int8' | 'binary'>()
  expectTypeOf(await bits.search({ vector: new Uint8Array(1), k: 1 })).toEqualTypeOf<Hit[]>()

  expectTypeOf(await notes.search({ vector: [1, 2, 3], k: 1 })).toEqualTypeOf<Hit<Note>[]>()
  expectTypeOf(await notes.searchBatch({ vectors: [[1, 2, 3]], k: 1 })).toEqualTypeOf<Hit<Note>[][]>()
  expectTypeOf(await notes.get([1, 'a', 3n])).toEqualTypeOf<(Row<Note> | null)[]>()
  for await (const row of notes.list({ after: 1, limit: 2 })) expectTypeOf(row).toEqualTypeOf<Row<Note>>()
  const [hit] = await notes.search({ vector: [1, 2, 3], k: 1 })
  expectTypeOf(hit!.metadata).toEqualTypeOf<Note | undefined>()
  expectTypeOf(hit!.id).toEqualTypeOf<Id>()
  expectTypeOf(await notes.delete([1])).toEqualTypeOf<number>()
  expectTypeOf(await db.collections()).toEqualTypeOf<string[]>()
  expectTypeOf(error.code).toEqualTypeOf<ErrorCode>()
  expectTypeOf(error.committedRows).toEqualTypeOf<number | undefined>()

  // Options may be passed on as they came, undefined or not.
  const signal = undefined as AbortSignal | undefined
  await notes.search({ vector: [1, 2, 3], k: 1, signal, efSearch: undefined })
  await open('x', { signal, storage: undefined })
}

export async function isRefused(db: Database, notes: Collection<Note>): Promise<void> {
  // @ts-expect-error a metric is needed
  await db.collection('x', { dimensions: 3 })
  // @ts-expect-error not a metric
  await db.collection('x', { dimensions: 3, metric: 'hamming' })
  // @ts-expect-error metadata of another type
  await notes.upsert([{ id: 1, vector: [1], metadata: { lang: 5 } }])
  // @ts-expect-error a vector is needed
  await notes.upsert([{ id: 1 }])
  // @ts-expect-error not a type of vectors
  await db.collection('x', { dimensions: 3, metric: 'l2', vectorType: 'float64' })
  // @ts-expect-error no collection has doubles
  await notes.upsert([{ id: 1, vector: new Float64Array(1) }])
  // @ts-expect-error columns take one array of a type
  await notes.upsert({ ids: [1], vectors: [[1]] })
  // @ts-expect-error k is needed
  await notes.search({ vector: [1] })
  // @ts-expect-error an option of a later version
  await notes.search({ vector: [1], k: 1, filter: {} })
  // @ts-expect-error ids come in an array
  await notes.get('a')
  // @ts-expect-error not a storage
  await open('x', { storage: 'floppy' })
  // @ts-expect-error an object is not an id
  await notes.delete([{}])
}
