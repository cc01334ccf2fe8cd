/** Answers of the engine, from bytes to rows and hits. */
import type { Metric } from '../engine/protocol.js'
import { decodeGetAnswer, decodeSearchAnswer, type DecodedRows } from '../wasm/row-batch.js'
import type { Hit, Id, Row } from './types.js'

/** Larger is better, whatever the metric. */
export function scoreOf(metric: Metric, distance: number): number {
  switch (metric) {
    case 'cosine':
      return 1 - distance
    case 'dot':
      // Not a sign change: a distance of 0 must not become a score of -0.
      return 0 - distance
    case 'l2':
    case 'l1':
      return 1 / (1 + distance)
  }
}

/** One array of hits per query. */
export function hitsOf<M>(metric: Metric, bytes: Uint8Array<ArrayBuffer>): Hit<M>[][] {
  const { hitCounts, distances, rows } = decodeSearchAnswer(bytes)
  const lists: Hit<M>[][] = []
  let at = 0
  for (const count of hitCounts) {
    const hits: Hit<M>[] = []
    for (let i = 0; i < count; i += 1, at += 1) {
      const distance = distances[at] as number
      const hit: Hit<M> = { id: rows.ids[at] as Id, distance, score: scoreOf(metric, distance) }
      attach(hit, rows, at)
      hits.push(hit)
    }
    lists.push(hits)
  }
  return lists
}

/** One row per id asked for, `null` where there is none. */
export function rowsOfGet<M>(bytes: Uint8Array<ArrayBuffer>): (Row<M> | null)[] {
  const { present, rows } = decodeGetAnswer(bytes)
  const found: (Row<M> | null)[] = []
  let at = 0
  for (const isPresent of present) {
    if (isPresent === 0) {
      found.push(null)
    } else {
      found.push(rowAt(rows, at))
      at += 1
    }
  }
  return found
}

export function rowAt<M>(rows: DecodedRows, at: number): Row<M> {
  const row: Row<M> = { id: rows.ids[at] as Id }
  attach(row, rows, at)
  return row
}

function attach<M>(target: Hit<M> | Row<M>, rows: DecodedRows, at: number): void {
  const metadata = rows.metadata?.[at]
  if (metadata !== undefined) target.metadata = metadata as M
  if (rows.vectors !== undefined) {
    // A copy: a view would keep the whole answer alive, and be written through by its neighbours' owners.
    target.vector = rows.vectors.slice(at * rows.dimensions, (at + 1) * rows.dimensions)
  }
}
