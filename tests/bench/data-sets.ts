/** Data for benchmarks: real sets from a data folder, and seeded generated ones. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Metric } from './engines/contract.js'

export interface DataSet {
  /** With its rows, where they are not all that there are. */
  readonly name: string
  readonly rows: number
  readonly dimensions: number
  readonly metric: Metric
  readonly base: Float32Array
  readonly queries: Float32Array
  /** Exact nearest rows, `truthWidth` per query; `null` when they are still to be found. */
  readonly truth: Int32Array | null
  readonly truthWidth: number
}

/** The sets of a whole run, as `--set` takes them: a name and, after `@`, how many of its rows. */
export const ALL_SETS = [
  'fashion-mnist-784',
  'clustered-384@100000',
  'clustered-384@10000',
  'sift10k-128',
  'words-ppmi-200',
  'deep2k-96',
] as const

const QUERIES = 1000
const CLUSTERS = 2000
const WITHIN_CLUSTER = 0.6

/** `clustered-D` is generated; every other name is a folder of `folder`. */
export function loadSet(spec: string, folder: string, queries = QUERIES): DataSet {
  const [name = '', given] = spec.split('@')
  const rows = given === undefined ? undefined : Number(given)
  if (rows !== undefined && !(Number.isInteger(rows) && rows > 0)) throw new Error(`rows of ${spec}?`)
  const [, dimensions] = /^clustered-(\d+)$/.exec(name) ?? []
  return dimensions === undefined
    ? realSet(folder, name, rows)
    : clusteredSet(rows ?? 100_000, Number(dimensions), queries)
}

/** mulberry32: seeded, and good enough to shape test data. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * Unit vectors from a mixture of Gaussian clusters whose variances decay as those of text embeddings do: direction d has
 * standard deviation 1 / sqrt(1 + d), clusters overlap, and queries come from the same mixture.
 */
function clusteredSet(rows: number, dimensions: number, queries: number): DataSet {
  const random = seededRandom(1)
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const deviations = Float64Array.from({ length: dimensions }, (_, d) => 1 / Math.sqrt(1 + d))
  const centers = new Float32Array(CLUSTERS * dimensions)
  for (let i = 0; i < centers.length; i++) centers[i] = gaussian() * deviations[i % dimensions]!
  const draw = (count: number) => {
    const out = new Float32Array(count * dimensions)
    for (let row = 0; row < count; row++) {
      const center = Math.floor(random() * CLUSTERS) * dimensions
      let norm = 0
      for (let d = 0; d < dimensions; d++) {
        const value = centers[center + d]! + WITHIN_CLUSTER * gaussian() * deviations[d]!
        out[row * dimensions + d] = value
        norm += value * value
      }
      const scale = 1 / Math.sqrt(norm)
      for (let d = 0; d < dimensions; d++) out[row * dimensions + d]! *= scale
    }
    return out
  }
  const base = draw(rows)
  return {
    name: `clustered-${rows}x${dimensions}`,
    rows,
    dimensions,
    metric: 'cosine',
    base,
    queries: draw(queries),
    truth: null,
    truthWidth: 0,
  }
}

interface SetInfo {
  readonly dims: number
  readonly metric: Metric
}

/** `rows` keeps only the first ones; the truth is then to be found anew. */
function realSet(folder: string, name: string, rows: number | undefined): DataSet {
  const path = join(folder, name)
  if (!existsSync(path)) {
    throw new Error(`the set ${name} is not in the data folder (--data); clustered-384 needs none`)
  }
  const info = JSON.parse(readFileSync(join(path, 'info.json'), 'utf8')) as SetInfo
  const read = (stem: string): Float32Array => {
    const file = (ending: string) => join(path, `${stem}.${ending}`)
    if (existsSync(file('u8.gz'))) return Float32Array.from(gunzipSync(readFileSync(file('u8.gz'))))
    if (existsSync(file('u8'))) return Float32Array.from(readFileSync(file('u8')))
    return new Float32Array(copyOf(readFileSync(file('f32'))))
  }
  const all = read('base')
  const queries = read('queries')
  const truth = new Int32Array(copyOf(readFileSync(join(path, 'truth.i32'))))
  const allRows = all.length / info.dims
  const cut = rows !== undefined && rows < allRows
  return {
    name: cut ? `${name}-${rows}` : name,
    rows: cut ? rows : allRows,
    dimensions: info.dims,
    metric: info.metric,
    base: cut ? all.slice(0, rows * info.dims) : all,
    queries,
    truth: cut ? null : truth,
    truthWidth: cut ? 0 : truth.length / (queries.length / info.dims),
  }
}

function copyOf(bytes: Buffer): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}
