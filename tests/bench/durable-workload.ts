/** What `durable.ts` measures, the same in Node and in a page. */
import type { Database } from '../../js/api/database.js'
import type { OpenOptions } from '../../js/api/types.js'
import { watchPauses } from './pauses.js'

export type Open = (name: string, options: OpenOptions) => Promise<Database>

export interface Shape {
  readonly rows: number
  readonly dimensions: number
  /** Rows of one call. */
  readonly callRows: number
  /** Whether the graph is built before the database is closed and opened again. */
  readonly indexed: boolean
}

export interface DurableFigures {
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
  /** The longest time the calling thread did not get round to a timer of a few milliseconds, while rows were stored. */
  readonly longestPauseMs: number
  /** The same while the graph was built; `null` when it was not waited for. */
  readonly longestIndexingPauseMs: number | null
  readonly closeMs: number
  /** From `open` to the first answer, in the same process. */
  readonly reopenMs: number
  readonly writeAmplification: number
  readonly spaceAmplification: number
}

const CALLS_UNDERWAY = 2
/** Rows that tell themselves apart; made before the clock starts. */
export function makeVectors({ rows, dimensions }: Shape): Float32Array {
  const vectors = new Float32Array(rows * dimensions)
  let state = 1
  for (let i = 0; i < vectors.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    vectors[i] = state / 0x4000_0000 - 1
  }
  return vectors
}

/** Every call resolved is durable and searchable. */
export async function measureDurable(
  open: Open,
  name: string,
  options: OpenOptions,
  shape: Shape,
  vectors: Float32Array,
): Promise<DurableFigures> {
  const { rows, dimensions, callRows } = shape
  let db = await open(name, options)
  let collection = await db.collection('rows', { dimensions, metric: 'cosine' })
  const pauses = watchPauses()
  const started = performance.now()
  const underway: Promise<unknown>[] = []
  for (let first = 0; first < rows; first += callRows) {
    const count = Math.min(callRows, rows - first)
    const ids = Array.from({ length: count }, (_, i) => first + i)
    const part = vectors.subarray(first * dimensions, (first + count) * dimensions)
    underway.push(collection.upsert({ ids, vectors: part }))
    if (underway.length >= CALLS_UNDERWAY) await underway.shift()
  }
  await Promise.all(underway)
  const seconds = (performance.now() - started) / 1000
  const longestPauseMs = pauses.longestMs()
  if ((await collection.count()) !== rows) throw new Error(`expected ${rows} rows`)
  await expectNearest(collection, vectors, rows - 1, dimensions)

  let longestIndexingPauseMs: number | null = null
  if (shape.indexed) {
    pauses.restart()
    await db.idle()
    longestIndexingPauseMs = pauses.longestMs()
  }
  pauses.stop()
  const stats = await db.stats()
  const closing = performance.now()
  await db.close()
  const closeMs = performance.now() - closing

  const opening = performance.now()
  db = await open(name, options)
  collection = await db.collection('rows')
  await expectNearest(collection, vectors, 1, dimensions)
  const reopenMs = performance.now() - opening
  await db.close()
  return {
    rowsPerSecond: rows / seconds,
    bytesPerSecond: (rows * dimensions * Float32Array.BYTES_PER_ELEMENT) / seconds,
    longestPauseMs,
    longestIndexingPauseMs,
    closeMs,
    reopenMs,
    writeAmplification: stats.writeAmplification,
    spaceAmplification: stats.spaceAmplification,
  }
}

async function expectNearest(
  collection: Awaited<ReturnType<Database['collection']>>,
  vectors: Float32Array,
  row: number,
  dimensions: number,
): Promise<void> {
  const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions)
  const [nearest] = await collection.search({ vector, k: 1 })
  if (nearest?.id !== row)
    throw new Error(`expected row ${row} to be nearest to itself, found ${String(nearest?.id)}`)
}
