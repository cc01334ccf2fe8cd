import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** The examples' images, read by the tests on their own, and exact search over them in double precision. */
export const DIMENSIONS = 28 * 28

const folder = new URL('../../examples/visual-search/public/data/', import.meta.url)

export const pixels = gunzipSync(readFileSync(new URL('images.u8.gz', folder)))
export const labels = readFileSync(new URL('labels.u8', folder))
export const count = labels.length

export function distanceBetween(a: number, b: number): number {
  let sum = 0
  for (let i = 0; i < DIMENSIONS; i++) {
    const difference = pixels[a * DIMENSIONS + i]! - pixels[b * DIMENSIONS + i]!
    sum += difference * difference
  }
  return Math.sqrt(sum)
}

/** The `k` images nearest to `image`, without itself; nearest first, ties by number. */
export function nearestTo(image: number, k: number): { id: number; distance: number }[] {
  return Array.from({ length: count }, (_, id) => ({ id, distance: distanceBetween(image, id) }))
    .filter(({ id }) => id !== image)
    .sort((a, b) => a.distance - b.distance || a.id - b.id)
    .slice(0, k)
}
