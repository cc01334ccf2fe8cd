/** What the page measures about itself. */
import type { Answer, ImageLibrary, StoredImage } from './image-library.js'
import type { Comparison } from './results.js'

const K = 10
const SAMPLE = 100

export interface RecallFigures {
  /** The share of the true 10 nearest that the graph found, over the sample. */
  recall: number
  sample: number
  /** Means per query, one query after the other, ids only. */
  graphMilliseconds: number
  exactMilliseconds: number
}

/**
 * Recall@10 and time per query on images spread evenly over what is stored. The queries are stored
 * images, so 11 are asked for and the image itself is left out on both sides. Means over the sample,
 * because browsers round their clocks, some to a millisecond.
 */
export async function measureRecall(library: ImageLibrary, rows: number): Promise<RecallFigures> {
  const sample = Math.min(SAMPLE, rows)
  const ids = Array.from({ length: sample }, (_, i) => Math.floor(((i + 0.5) * rows) / sample))
  const images: StoredImage[] = []
  for (let i = 0; i < ids.length; i += 25) images.push(...(await library.get(ids.slice(i, i + 25))))
  const answer = async (exact: boolean): Promise<{ lists: number[][]; milliseconds: number }> => {
    const lists: number[][] = []
    const start = performance.now()
    for (const { id, pixels } of images) {
      const found = await library.nearestIds(pixels, K + 1, exact)
      lists.push(found.filter((other) => other !== id).slice(0, K))
    }
    return { lists, milliseconds: (performance.now() - start) / images.length }
  }
  const graph = await answer(false)
  const exact = await answer(true)
  let found = 0
  let wanted = 0
  exact.lists.forEach((truth, i) => {
    const list = new Set(graph.lists[i])
    wanted += truth.length
    found += truth.filter((id) => list.has(id)).length
  })
  return {
    recall: wanted === 0 ? 1 : found / wanted,
    sample: images.length,
    graphMilliseconds: graph.milliseconds,
    exactMilliseconds: exact.milliseconds,
  }
}

/** Both ways to answer one question, alternated so that both meet the same machine. */
export async function compare(library: ImageLibrary, image: StoredImage): Promise<Comparison> {
  const rounds = 9
  const graphs: Answer[] = []
  const exacts: Answer[] = []
  for (let round = 0; round < rounds; round++) {
    graphs.push(await library.nearest(image, K, false))
    exacts.push(await library.nearest(image, K, true))
  }
  return { graph: medianAnswer(graphs), exact: medianAnswer(exacts), rounds }
}

function medianAnswer(answers: Answer[]): Answer {
  const sorted = [...answers].sort((a, b) => a.milliseconds - b.milliseconds)
  const median = sorted[sorted.length >> 1]
  if (median === undefined) throw new Error('nothing was measured')
  return median
}

/** The longest task of the page's own thread so far; undefined where the browser does not tell. */
export class LongestTask {
  readonly supported = PerformanceObserver.supportedEntryTypes.includes('longtask')
  #milliseconds = 0

  constructor() {
    if (!this.supported) return
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#milliseconds = Math.max(this.#milliseconds, entry.duration)
    }).observe({ type: 'longtask', buffered: true })
  }

  /** Browsers report tasks of 50 ms and more; 0 means that there was none. */
  get milliseconds(): number {
    return this.#milliseconds
  }
}
