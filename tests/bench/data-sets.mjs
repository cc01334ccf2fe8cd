/**
 * Data for benchmarks: real sets from a data folder, and seeded generated ones.
 *
 * Every set is { name, dimensions, metric, base: Float32Array, queries: Float32Array, truth: Int32Array | null, truthWidth }.
 */
import { readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** SplitMix64's 32-bit cousin (mulberry32): seeded, good enough to shape test data. */
export function seededRandom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function gaussian(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/**
 * Unit vectors from a mixture of Gaussian clusters whose variances decay like text embeddings' do:
 * direction d has standard deviation 1 / (1 + d)^0.5, clusters overlap, queries come from the same mixture.
 */
export function clusteredSet({ rows, dimensions, queries = 1000, clusters = 2000, seed = 1 }) {
  const random = seededRandom(seed)
  const deviations = Float64Array.from({ length: dimensions }, (_, d) => 1 / Math.sqrt(1 + d))
  const centers = new Float32Array(clusters * dimensions)
  for (let i = 0; i < centers.length; i++) centers[i] = gaussian(random) * deviations[i % dimensions]
  const draw = (count) => {
    const out = new Float32Array(count * dimensions)
    for (let row = 0; row < count; row++) {
      const center = Math.floor(random() * clusters) * dimensions
      let norm = 0
      for (let d = 0; d < dimensions; d++) {
        const value = centers[center + d] + 0.6 * gaussian(random) * deviations[d]
        out[row * dimensions + d] = value
        norm += value * value
      }
      const scale = 1 / Math.sqrt(norm)
      for (let d = 0; d < dimensions; d++) out[row * dimensions + d] *= scale
    }
    return out
  }
  return {
    name: `clustered-${rows}x${dimensions}`,
    dimensions,
    metric: 'cosine',
    base: draw(rows),
    queries: draw(queries),
    truth: null,
    truthWidth: 0,
  }
}

function floatsOf(bytes) {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

/** A set of the data folder by its folder's name; `rows` keeps only the first rows (the truth is then computed anew). */
export function realSet(folder, name, rows) {
  const path = join(folder, name)
  const info = JSON.parse(readFileSync(join(path, 'info.json'), 'utf8'))
  const read = (stem) => {
    if (existsSync(join(path, `${stem}.u8.gz`)))
      return Float32Array.from(gunzipSync(readFileSync(join(path, `${stem}.u8.gz`))))
    if (existsSync(join(path, `${stem}.u8`))) return Float32Array.from(readFileSync(join(path, `${stem}.u8`)))
    return floatsOf(readFileSync(join(path, `${stem}.f32`)))
  }
  const dimensions = info.dims
  let base = read('base')
  const queries = read('queries')
  const truthBytes = readFileSync(join(path, 'truth.i32'))
  let truth = new Int32Array(
    truthBytes.buffer.slice(truthBytes.byteOffset, truthBytes.byteOffset + truthBytes.byteLength),
  )
  const all = base.length / dimensions
  if (rows && rows < all) {
    base = base.slice(0, rows * dimensions)
    truth = null
  }
  const count = queries.length / dimensions
  return {
    name: rows && rows < all ? `${name}-${rows}` : name,
    dimensions,
    metric: info.metric,
    base,
    queries,
    truth,
    truthWidth: truth ? truth.length / count : 0,
  }
}
