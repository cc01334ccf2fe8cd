// Cuts the examples' images out of the Fashion-MNIST set: the first 10,000 rows and their labels.
//
//   node tools/make-example-images.mjs DATA_FOLDER
//
// DATA_FOLDER holds base.u8.gz (rows of 28 x 28 bytes, gzip) and labels.u8 (one byte per row). The same
// input gives the same bytes: zlib writes no time stamp.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'

const ROWS = 10_000
const DIMENSIONS = 28 * 28

const source = process.argv[2]
if (source === undefined) {
  console.error('usage: node tools/make-example-images.mjs DATA_FOLDER')
  process.exit(2)
}
const target = fileURLToPath(new URL('../examples/visual-search/public/data/', import.meta.url))

const pixels = gunzipSync(readFileSync(join(source, 'base.u8.gz'))).subarray(0, ROWS * DIMENSIONS)
const labels = readFileSync(join(source, 'labels.u8')).subarray(0, ROWS)
if (pixels.length !== ROWS * DIMENSIONS || labels.length !== ROWS) {
  console.error(`expected at least ${ROWS} rows of ${DIMENSIONS} bytes and as many labels in ${source}`)
  process.exit(1)
}
const compressed = gzipSync(pixels, { level: 9, memLevel: 9 })
writeFileSync(join(target, 'images.u8.gz'), compressed)
writeFileSync(join(target, 'labels.u8'), labels)
console.log(`${ROWS} images, ${compressed.length} bytes compressed`)
