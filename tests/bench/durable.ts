/**
 * Durable ingestion, reopening and pauses, beside what the same storage takes without a database.
 *
 *   npm run bench:durable -- [--rows 100000] [--dimensions 384] [--rounds 3] [--places node,node-in-place,chromium-opfs,...]
 *                            [--indexed] [--out FILE]
 *
 * Rounds of the places alternate, and in each round the storage alone comes first: medians, and the median of the ratios.
 */
import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, open as openFile, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  type BrowserName,
  type BrowserPage,
  bundlePage,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
} from '../browser/browser-harness.js'
import {
  type DurableFigures,
  makeVectors,
  measureDurable,
  type Open,
  type Shape,
} from './durable-workload.js'

// From tests/bench and from build/bench alike.
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CHUNK_BYTES = 8 << 20
const PLACES = [
  'node',
  'node-in-place',
  'chromium-opfs',
  'chromium-indexeddb',
  'firefox-opfs',
  'firefox-indexeddb',
]

interface Round extends DurableFigures {
  readonly bareBytesPerSecond: number
}

interface Place {
  readonly name: string
  round(number: number): Promise<Round>
  close(): Promise<void>
}

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    dimensions: { type: 'string', default: '384' },
    rounds: { type: 'string', default: '3' },
    places: { type: 'string', default: PLACES.join() },
    indexed: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const shape: Shape = {
  rows: Number(options.rows),
  dimensions: Number(options.dimensions),
  callRows: 8192,
  indexed: options.indexed,
}
const bytes = shape.rows * shape.dimensions * Float32Array.BYTES_PER_ELEMENT

async function nodePlace(name: string): Promise<Place> {
  const { open } = (await import(join(ROOT, 'dist/node.js'))) as { open: Open }
  const folder = await mkdtemp(join(tmpdir(), 'omendb-durable-'))
  const vectors = makeVectors(shape)
  return {
    name,
    async round(number) {
      const bareBytesPerSecond = await bareFolder(join(folder, `bare-${number}`))
      const place = join(folder, `db-${number}`)
      const figures = await measureDurable(open, place, { worker: name === 'node' }, shape, vectors)
      await rm(place, { recursive: true })
      return { ...figures, bareBytesPerSecond }
    },
    close: () => rm(folder, { recursive: true }),
  }
}

/** One file of 8 MiB after the other, each durable before the next. */
async function bareFolder(path: string): Promise<number> {
  const chunk = new Uint8Array(CHUNK_BYTES).fill(7)
  const started = performance.now()
  const paths: string[] = []
  for (let at = 0; at < bytes; at += chunk.length) {
    paths.push(`${path}-${at}`)
    const file = await openFile(`${path}-${at}`, 'wx')
    await file.write(chunk, 0, Math.min(chunk.length, bytes - at))
    await file.datasync()
    await file.close()
  }
  const seconds = (performance.now() - started) / 1000
  await Promise.all(paths.map((each) => rm(each)))
  return bytes / seconds
}

async function browserPlaces(browserName: BrowserName, storages: readonly string[]): Promise<Place[]> {
  const folder = await mkdtemp(join(tmpdir(), 'omendb-durable-'))
  await bundlePage({ entry: join(ROOT, 'tests/bench/durable-page.ts'), outFolder: folder })
  await cp(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true })
  const isolated = {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  }
  const site = await serveFolder(folder, { headers: isolated })
  let closing: Promise<void> | null = null
  return storages.map((storage) => {
    const name = `${browserName}-${storage}`
    return {
      name,
      // A browser of its own for each round: no cache and no disk quota is left from the one before.
      async round(number) {
        const profile = await createProfile()
        const browser = await launchBrowser(browserName, { profile })
        try {
          const page: BrowserPage = await browser.openPage(`${site.origin}/`)
          const call = <T>(expression: string): Promise<T> => page.evaluate<T>(`durableBench.${expression}`)
          const bareBytesPerSecond = await call<number>(`bare('${storage}', ${bytes})`)
          const figures = await call<DurableFigures>(
            `measure('${storage}', 'durable ${number}', ${JSON.stringify(shape)})`,
          )
          return { ...figures, bareBytesPerSecond }
        } finally {
          await browser.close()
          await removeProfile(profile)
        }
      },
      close: () => (closing ??= site.close().then(() => rm(folder, { recursive: true, force: true }))),
    }
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

function summary(rounds: readonly Round[]) {
  const of = (key: keyof Round): number => median(rounds.map((round) => round[key] ?? Number.NaN))
  return {
    rowsPerSecond: of('rowsPerSecond'),
    mebibytesPerSecond: of('bytesPerSecond') / 2 ** 20,
    bareMebibytesPerSecond: of('bareBytesPerSecond') / 2 ** 20,
    shareOfBare: median(rounds.map((round) => round.bytesPerSecond / round.bareBytesPerSecond)),
    longestPauseMs: of('longestPauseMs'),
    longestIndexingPauseMs: of('longestIndexingPauseMs'),
    reopenMs: of('reopenMs'),
    writeAmplification: of('writeAmplification'),
    spaceAmplification: of('spaceAmplification'),
  }
}

const wanted = options.places.split(',')
const places: Place[] = []
for (const name of ['node', 'node-in-place']) if (wanted.includes(name)) places.push(await nodePlace(name))
for (const browserName of ['chromium', 'firefox'] as const) {
  const storages = ['opfs', 'indexeddb'].filter((storage) => wanted.includes(`${browserName}-${storage}`))
  if (storages.length > 0) places.push(...(await browserPlaces(browserName, storages)))
}
const results = new Map<string, Round[]>(places.map(({ name }) => [name, []]))
for (let number = 0; number < Number(options.rounds); number++) {
  for (const place of places) results.get(place.name)!.push(await place.round(number))
}
for (const place of places) await place.close()

const git = (...words: string[]): string => execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' }).trim()
const versionOf = (command: string): string =>
  execFileSync(command, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
const record = {
  shape,
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), load: loadavg()[0] },
  versions: [`Node ${process.version}`, ...['chromium', 'firefox-esr'].map(versionOf)],
  commit: git('rev-parse', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' (changed)'),
  date: new Date().toISOString(),
  places: Object.fromEntries(
    [...results].map(([name, rounds]) => [name, { summary: summary(rounds), rounds }]),
  ),
}
const out = options.out ?? join(ROOT, 'tests/bench/results/durable.json')
await writeFile(out, `${JSON.stringify(record, null, 1)}\n`)
console.log(
  `${shape.rows} x ${shape.dimensions}, ${options.rounds} rounds; load ${record.machine.load?.toFixed(1)}`,
)
console.log(
  '| where | vectors/s | MiB/s | storage alone, MiB/s | share | longest pause, ms | while indexing | reopen, ms | written / given | stored / live |',
)
console.log('|---|---|---|---|---|---|---|---|---|---|')
for (const [name, rounds] of results) {
  const s = summary(rounds)
  const whole = [s.rowsPerSecond, s.mebibytesPerSecond, s.bareMebibytesPerSecond].map((value) =>
    value.toFixed(0),
  )
  const times = [s.longestPauseMs, s.longestIndexingPauseMs, s.reopenMs]
  const pauses = times.map((value) => (Number.isNaN(value) ? '-' : value.toFixed(0)))
  const shares = [s.writeAmplification, s.spaceAmplification].map((value) => value.toFixed(2))
  console.log(`| ${[name, ...whole, s.shareOfBare.toFixed(2), ...pauses, ...shares].join(' | ')} |`)
}
console.log(out)
process.exit(0)
