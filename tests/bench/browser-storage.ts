/**
 * IndexedDB directly against OPFS and IDBFS, in Chromium and Firefox: the figures of docs/decisions/0006.
 *
 *   npx esbuild tests/bench/browser-storage.ts --bundle --platform=node --format=esm --packages=external \
 *     --outfile=build/bench/browser-storage.mjs && node build/bench/browser-storage.mjs
 *
 * Rounds of the adapters alternate; the table shows medians, build/bench/browser-storage.json all rounds.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type BrowserName,
  type BrowserPage,
  bundlePage,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
} from '../browser/browser-harness.js'
import { copyIdbfsModule } from '../browser/idbfs-module-file.js'
import type { AdapterName } from '../browser/page-adapters.js'
import type { Round } from './browser-storage-page.js'

const ROUNDS = Number(process.env['OMENDB_ROUNDS'] ?? 5)
const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox']
const ADAPTERS: readonly AdapterName[] = ['indexeddb', 'opfs', 'idbfs']
// From tests/bench and from build/bench alike.
const PAGE = fileURLToPath(new URL('../../tests/bench/browser-storage-page.ts', import.meta.url))
const RESULTS = fileURLToPath(new URL('../../build/bench/browser-storage.json', import.meta.url))

interface Measured {
  browser: BrowserName
  adapter: AdapterName
  rounds: Round[]
  /** What an open database of 32 MiB keeps on the JavaScript side after a garbage collection; Chromium only. */
  keptBytes: number | null
}

async function measureBrowser(origin: string, browserName: BrowserName): Promise<Measured[]> {
  const profile = await createProfile()
  const browser = await launchBrowser(browserName, { profile })
  const page = await browser.openPage(origin)
  const measured: Measured[] = ADAPTERS.map((adapter) => ({
    browser: browserName,
    adapter,
    rounds: [],
    keptBytes: null,
  }))
  for (let number = 0; number < ROUNDS; number++) {
    for (const { adapter, rounds } of measured) {
      rounds.push(await page.evaluate<Round>(`storageBench.round('${adapter}', ${number})`))
    }
  }
  for (const one of measured) one.keptBytes = await keptBytes(page, one.adapter)
  await browser.close()
  await removeProfile(profile)
  return measured
}

async function keptBytes(page: BrowserPage, adapter: AdapterName): Promise<number | null> {
  const { playwright } = page
  // The heap that is measured is the page's, and OPFS runs in a worker.
  if (playwright === undefined || adapter === 'opfs') return null
  await page.reload()
  const session = await playwright.context().newCDPSession(playwright)
  const heapBytes = async (): Promise<number> => {
    await session.send('HeapProfiler.collectGarbage')
    const usage = (await session.send('Runtime.getHeapUsage')) as {
      usedSize: number
      backingStorageSize?: number
    }
    return usage.usedSize + (usage.backingStorageSize ?? 0)
  }
  const before = await heapBytes()
  await page.evaluate(`storageBench.keepOpen('${adapter}', 0)`)
  const kept = (await heapBytes()) - before
  await page.evaluate('storageBench.release()')
  return kept
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}

function printTable(all: readonly Measured[]): void {
  console.log(
    '| browser | storage | 4 KiB commit | relaxed | beside 1,000 objects | put 32 MiB | read 32 MiB | reopen | kept |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  for (const { browser, adapter, rounds, keptBytes: kept } of all) {
    const figure = (key: keyof Round): string => `${median(rounds.map((round) => round[key])).toFixed(2)} ms`
    const keptText = kept === null ? '-' : `${(kept / 2 ** 20).toFixed(1)} MiB`
    const figures = (
      ['commitMs', 'relaxedCommitMs', 'commitBesideManyMs', 'putMs', 'readMs', 'reopenMs'] as const
    ).map(figure)
    console.log(`| ${[browser, adapter, ...figures, keptText].join(' | ')} |`)
  }
}

const folder = await mkdtemp(join(tmpdir(), 'omendb-bench-'))
await bundlePage({ entry: PAGE, outFolder: folder })
await copyIdbfsModule(folder)
// Isolated pages get clocks that are fine enough for a commit.
const site = await serveFolder(folder, {
  headers: {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  },
})
const versions = ['chromium', 'firefox-esr'].map((command) =>
  execFileSync(command, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(),
)
const machine = `${cpus()[0]?.model ?? 'unknown'} x ${cpus().length}, load ${loadavg()[0]!.toFixed(1)}`
console.log(`${machine}; ${versions.join('; ')}; medians of ${ROUNDS} rounds`)
const results: Measured[] = []
for (const browserName of BROWSERS) results.push(...(await measureBrowser(`${site.origin}/`, browserName)))
await site.close()
await rm(folder, { recursive: true })
await writeFile(RESULTS, JSON.stringify({ machine, versions, results }, null, 2))
printTable(results)
