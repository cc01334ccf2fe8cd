/**
 * What the kill tests write, in Node and in browsers. Each writer has ids of its own and one write at a time, so that at any instant its rows
 * are as all writes before left them, or as the one under way does: there is no third state.
 */
export const WRITERS = 4
/** Together more than are searched without a graph. */
const IDS_PER_WRITER = 400
/** 260 rows of these are more than 1 MiB: their vectors stay in the WAL frame. */
export const NOTES = { name: 'notes', options: { dimensions: 1024, metric: 'l2' } } as const
export const TAGS = { name: 'tags', options: { dimensions: 4, metric: 'l2', quantization: 'none' } } as const
const LARGE_ROWS = 260
/** Those that are there once a process said that it is open. */
export const COLLECTIONS: readonly string[] = [NOTES.name, TAGS.name]

type Collection = typeof NOTES.name | typeof TAGS.name

/** One call that is to be all there or not at all. */
export interface Write {
  readonly writer: number
  /** Unique, and rising: what the rows of this write hold. */
  readonly number: number
  readonly isTransaction: boolean
  readonly upserts: Partial<Record<Collection, number[]>>
  readonly deletes: Partial<Record<Collection, number[]>>
}

/** What the process or page says, each before it goes on. */
export type Said =
  | { readonly is: 'open' }
  | { readonly is: 'begun'; readonly write: Write }
  | { readonly is: 'done'; readonly number: number }
  | { readonly is: 'failed'; readonly message: string }

export function vectorOf(collection: string, id: number, number: number): Float32Array {
  const vector = new Float32Array(
    collection === NOTES.name ? NOTES.options.dimensions : TAGS.options.dimensions,
  )
  // Different for each id and each write, in numbers that 32-bit floats hold.
  vector.set([1 + (number % 100), 1 + Math.floor(number / 100), 1 + (id % 40), 1 + Math.floor(id / 40)])
  return vector
}

export function nextWrite(writer: number, number: number, random: () => number): Write {
  const chosen = (most: number): number[] => {
    const ids = new Set<number>()
    const count = 1 + Math.floor(random() * most)
    while (ids.size < count) ids.add(writer * IDS_PER_WRITER + Math.floor(random() * IDS_PER_WRITER))
    return [...ids]
  }
  const kind = random()
  const base = { writer, number, isTransaction: false, upserts: {}, deletes: {} }
  if (kind < 0.1) {
    const first = writer * IDS_PER_WRITER + Math.floor(random() * (IDS_PER_WRITER - LARGE_ROWS))
    return { ...base, upserts: { notes: Array.from({ length: LARGE_ROWS }, (_, i) => first + i) } }
  }
  if (kind < 0.4) return { ...base, upserts: { notes: chosen(20) } }
  if (kind < 0.5) return { ...base, upserts: { tags: chosen(50) } }
  if (kind < 0.65) return { ...base, deletes: { notes: chosen(20) } }
  // The ids of a delete and an upsert of one collection may meet: the upsert comes after it.
  return {
    ...base,
    isTransaction: true,
    deletes: { notes: chosen(10), tags: chosen(10) },
    upserts: { notes: chosen(10), tags: chosen(10) },
  }
}

/** Rows of all collections as `collection/id`, with the number of the write that they hold. */
export type Rows = ReadonlyMap<string, number>

function writerOf(key: string): number {
  return Math.floor(Number(key.slice(key.indexOf('/') + 1)) / IDS_PER_WRITER)
}

/** Above all numbers that were used so far: what the next process begins with. */
export function lastNumberOf(said: readonly Said[], before: number): number {
  return said.reduce((last, each) => (each.is === 'begun' ? Math.max(last, each.write.number) : last), before)
}

function afterWrite(rows: Rows, { number, upserts, deletes }: Write): Rows {
  const after = new Map(rows)
  for (const [collection, ids] of Object.entries(deletes)) {
    for (const id of ids) after.delete(`${collection}/${id}`)
  }
  for (const [collection, ids] of Object.entries(upserts)) {
    for (const id of ids) after.set(`${collection}/${id}`, number)
  }
  return after
}

export const ofWriter = (rows: Rows, writer: number): [string, number][] =>
  [...rows].filter(([key]) => writerOf(key) === writer).sort(([a], [b]) => (a < b ? -1 : 1))

/** What may be left of a writer: all that was acknowledged, and of the write under way nothing or all. */
export function statesOf(
  before: Rows,
  said: readonly Said[],
  writer: number,
): { least: [string, number][]; most: [string, number][] } {
  let rows = before
  let underWay: Write | null = null
  for (const each of said) {
    if (each.is === 'begun' && each.write.writer === writer) underWay = each.write
    if (each.is === 'done' && each.number === underWay?.number) {
      rows = afterWrite(rows, underWay)
      underWay = null
    }
  }
  const most = underWay === null ? rows : afterWrite(rows, underWay)
  return { least: ofWriter(rows, writer), most: ofWriter(most, writer) }
}
