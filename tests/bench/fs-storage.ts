/**
 * What a commit costs in a folder: the figures of storage/README.md.
 *
 *   npx esbuild tests/bench/fs-storage.ts --bundle --platform=node --format=esm --packages=external \
 *     --outfile=build/bench/fs-storage.mjs && node build/bench/fs-storage.mjs [folder]
 *
 * Beside it the floor of the same disk: a new file written, synced and closed, and its folder synced.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { pattern } from '../storage/contract-environment.js'

const HEAD = new Uint8Array(64)
const SIZES: readonly (readonly [string, number, number])[] = [
  ['4 KiB', 4_096, 300],
  ['8 MiB', 8 * 1024 * 1024, 15],
]

async function timeMs(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function median(times: number[]): string {
  return times.sort((a, b) => a - b)[times.length >> 1]!.toFixed(2)
}

async function writeBare(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const file = await open(join(folder, name), 'wx')
  await file.writeFile(bytes)
  await file.datasync()
  await file.close()
  const handle = await open(folder, 'r')
  await handle.sync()
  await handle.close()
}

const root = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'omendb-fs-bench-'))
const session = await nodeFsStorage().open(join(root, 'db'), 'write')
await session.compareAndSetHead(null, HEAD)
console.log(
  `${cpus()[0]?.model ?? 'unknown'} x ${cpus().length}, load ${loadavg()[0]!.toFixed(1)}, Node ${process.version}`,
)
console.log('| object | put, median | bare write + fsync, median |')
console.log('|---|---|---|')
for (const [label, size, count] of SIZES) {
  const bytes = pattern(size, 1)
  const [puts, bare]: [number[], number[]] = [[], []]
  for (let i = 0; i < count; i++) {
    puts.push(await timeMs(() => session.put([{ name: `d-${size}-${i}`, bytes }], HEAD)))
    bare.push(await timeMs(() => writeBare(root, `bare-${size}-${i}`, bytes)))
  }
  console.log(`| ${label} | ${median(puts)} ms | ${median(bare)} ms |`)
}
await session.close()
await rm(root, { recursive: true })
