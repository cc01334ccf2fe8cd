/**
 * A page that uses the built package as an application does. `databasePage` is what a test can call; failures come back
 * as `{ code }`.
 */
import type { Collection, Database, OpenOptions, open as openType } from '../../js/platform/browser.js'

interface Package {
  open: typeof openType
}

interface NoteMetadata {
  batch: number
}

const DIMENSIONS = 24
const BATCH_ROWS = 150
const OPTIONS = { dimensions: DIMENSIONS, metric: 'l2' } as const

let database: Database | undefined
let notes: Collection<NoteMetadata> | undefined

async function open(name: string, options: OpenOptions = {}): Promise<object> {
  // The files of dist/ as they are; bundling them is another test's subject.
  const address = './dist/browser.js'
  const omendb = (await import(address)) as Package
  database = await omendb.open(name, options)
  notes = await database.collection<NoteMetadata>('notes', OPTIONS)
  return database.stats()
}

function idOf(batch: number, i: number): string {
  return `${batch}:${i}`
}

/** A row's vector, from its id alone. */
function fillVector(vector: Float32Array, batch: number, i: number): void {
  let state = (batch * BATCH_ROWS + i + 1) >>> 0
  for (let d = 0; d < vector.length; d++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    vector[d] = (state >>> 8) / 2 ** 24
  }
}

function vectorOf(batch: number, i: number): Float32Array {
  const vector = new Float32Array(DIMENSIONS)
  fillVector(vector, batch, i)
  return vector
}

function idsOf(batch: number): string[] {
  return Array.from({ length: BATCH_ROWS }, (_, i) => idOf(batch, i))
}

async function writeBatch(batch: number): Promise<void> {
  const vectors = new Float32Array(BATCH_ROWS * DIMENSIONS)
  for (let i = 0; i < BATCH_ROWS; i++)
    fillVector(vectors.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS), batch, i)
  await notes!.upsert({ ids: idsOf(batch), vectors, metadata: idsOf(batch).map(() => ({ batch })) })
}

/** How many rows of a batch are there; throws when one is not what was written. */
async function rowsOf(batch: number): Promise<number> {
  const rows = await notes!.get(idsOf(batch))
  let count = 0
  for (const [i, row] of rows.entries()) {
    if (row === null) continue
    count++
    const expected = vectorOf(batch, i)
    if (row.id !== idOf(batch, i)) throw new Error(`row ${idOf(batch, i)} came back as ${String(row.id)}`)
    if (row.metadata?.batch !== batch) throw new Error(`row ${idOf(batch, i)} has other metadata`)
    if (!row.vector?.every((value, d) => value === expected[d])) {
      throw new Error(`row ${idOf(batch, i)} has another vector`)
    }
  }
  return count
}

/** Null when the database holds the batches up to `written` and nothing else; else what is wrong. */
async function check(written: number): Promise<string | null> {
  for (let batch = 1; batch <= written; batch++) {
    const count = await rowsOf(batch)
    if (count !== BATCH_ROWS) return `batch ${batch} has ${count} rows of ${BATCH_ROWS}`
    for (const exact of [true, false]) {
      const [hit] = await notes!.search({ vector: vectorOf(batch, batch % BATCH_ROWS), k: 1, exact })
      if (hit?.id !== idOf(batch, batch % BATCH_ROWS))
        return `search finds ${String(hit?.id)} for batch ${batch}`
    }
  }
  const counted = await notes!.count()
  return counted === written * BATCH_ROWS ? null : `count says ${counted} after ${written} batches`
}

/** Ids and distances of some searches, as text: equal before and after a reload. */
async function answers(batches: number): Promise<string> {
  const found: string[] = []
  for (let batch = 1; batch <= batches; batch++) {
    const hits = await notes!.search({ vector: vectorOf(batch, 7), k: 10 })
    found.push(hits.map(({ id, distance }) => `${String(id)} ${distance.toFixed(5)}`).join(', '))
  }
  return found.join('\n')
}

async function withCode<T>(work: () => Promise<T>): Promise<T | null | { code: unknown; message: string }> {
  try {
    return (await work()) ?? null
  } catch (error) {
    return { code: (error as { code?: unknown }).code ?? 'not an OmenError', message: String(error) }
  }
}

const databasePage = {
  open: (name: string, options?: OpenOptions) => withCode(() => open(name, options)),
  close: () => withCode(async () => database?.close()),
  flush: () => withCode(async () => database?.flush()),
  idle: () => withCode(async () => database?.idle()),
  stats: () => withCode(async () => notes!.stats()),
  databaseStats: () => withCode(async () => database!.stats()),
  write: (batches: number) =>
    withCode(async () => {
      for (let batch = 1; batch <= batches; batch++) await writeBatch(batch)
      return notes!.count()
    }),
  writeBatch: (batch: number) => withCode(() => writeBatch(batch)),
  answers: (batches: number) => withCode(() => answers(batches)),
  check: (written: number) => withCode(() => check(written)),
}

Object.assign(globalThis, { databasePage })
