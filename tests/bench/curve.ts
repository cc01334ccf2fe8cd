/** Recall and what is read off a curve of it. */

/** One `ef` of one engine; figures are medians of the rounds. */
export interface Point {
  /** `null` where the engine has none. */
  readonly ef: number | null
  readonly recall: number
  readonly qps: number
  readonly p50Us: number
  readonly p99Us: number
  readonly cpuUsPerQuery: number | null
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

export function medianOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : median(known)
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The share of the true `k` nearest that was found; `truth` holds `width` rows per query, nearest first. */
export function recallOf(
  found: readonly (readonly number[])[],
  truth: ArrayLike<number>,
  width: number,
  k: number,
): number {
  let right = 0
  found.forEach((rows, query) => {
    const wanted = new Set<number>()
    for (let i = 0; i < k; i++) wanted.add(truth[query * width + i]!)
    right += new Set(rows.slice(0, k).filter((row) => wanted.has(row))).size
  })
  return right / (found.length * k)
}

/**
 * QPS where the curve, in order of `ef`, first crosses `recall`: log QPS interpolated between the points on either side.
 * `null` when it never does. A curve that begins above it has the QPS of its first point: less is not known of it.
 */
export function qpsAt(curve: readonly Point[], recall: number): number | null {
  const reached = curve.findIndex((point) => point.recall >= recall)
  const above = curve[reached]
  if (above === undefined) return null
  const below = curve[reached - 1]
  if (below === undefined) return above.qps
  const share = (recall - below.recall) / (above.recall - below.recall)
  return Math.exp(Math.log(below.qps) + share * (Math.log(above.qps) - Math.log(below.qps)))
}
