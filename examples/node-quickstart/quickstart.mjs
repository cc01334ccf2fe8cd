// OmenDB in Node, whole: a folder on disk, five rows, a search, and the same answer after opening it again.
//
//   node examples/node-quickstart/quickstart.mjs [FOLDER]
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'omendb'

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), 'colours-')))
const options = { dimensions: 3, metric: 'cosine' }

// Colours as red, green, blue; any embedding model gives such lists of numbers, only longer.
let db = await open(folder)
let colours = await db.collection('colours', options)
await colours.upsert([
  { id: 'tomato', vector: [255, 99, 71], metadata: { hex: '#ff6347' } },
  { id: 'coral', vector: [255, 127, 80], metadata: { hex: '#ff7f50' } },
  { id: 'teal', vector: [0, 128, 128], metadata: { hex: '#008080' } },
  { id: 'navy', vector: [0, 0, 128], metadata: { hex: '#000080' } },
  { id: 'olive', vector: [128, 128, 0], metadata: { hex: '#808000' } },
])
await db.close() // a write is safe as soon as its promise resolves; closing only tidies up

db = await open(folder)
colours = await db.collection('colours', options)
const hits = await colours.search({ vector: [250, 110, 90], k: 3 })
for (const { id, distance, metadata } of hits)
  console.log(`${id.padEnd(8)} ${distance.toFixed(4)}  ${metadata.hex}`)
await db.close()
console.log(`stored in ${folder}`)
