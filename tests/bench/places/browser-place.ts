/** Engines in a page, each in a browser of its own, so that processor time and memory are one engine's. */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BrowserPage,
  bundlePage,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
} from '../../browser/browser-harness.js'
import type { Built, Searched, Session } from '../drive.js'
import type { Engine } from '../engines/contract.js'
import type { SetFiles } from './place.js'
import { treeCpuSeconds, treeResidentBytes } from './process-meters.js'

// Clocks of a page that is not isolated are too coarse for searches of 50 us.
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

export interface BrowserSession extends Session {
  /** Paths, below the site, that were served since the page was opened. */
  served(): ReadonlySet<string>
}

export interface BrowserSite {
  readonly folder: string
  open(browser: 'chromium' | 'firefox', engine: Engine, files: SetFiles): Promise<BrowserSession>
  close(): Promise<void>
}

/** A folder that shows the package, the peers and the data to a page. */
export async function createSite(root: string, dataFolder: string): Promise<BrowserSite> {
  const folder = await mkdtemp(join(tmpdir(), 'omendb-bench-site-'))
  await mkdir(folder, { recursive: true })
  await bundlePage({ entry: join(root, 'tests/bench/places/browser-page.ts'), outFolder: folder })
  await symlink(join(root, 'dist'), join(folder, 'dist'))
  await symlink(join(root, 'tests/bench/peers/node_modules'), join(folder, 'peers'))
  await symlink(dataFolder, join(folder, 'data'))
  const close = () => rm(folder, { recursive: true, force: true })
  return { folder, close, open: (browser, engine, files) => openSession(folder, browser, engine, files) }
}

async function openSession(
  folder: string,
  browserName: 'chromium' | 'firefox',
  engine: Engine,
  files: SetFiles,
): Promise<BrowserSession> {
  const served = new Set<string>()
  const site = await serveFolder(folder, { headers: ISOLATED, onServe: (path) => served.add(path) })
  const profile = await createProfile()
  const browser = await launchBrowser(browserName, { profile, args: chromiumArguments(browserName) })
  const page = await browser.openPage(`${site.origin}/`)
  await page.evaluate(`bench.open(${JSON.stringify(engine.id)}, ${JSON.stringify(files)})`)
  const root = browser.processId
  served.clear()
  const call = <Answer>(command: string, ...args: number[]) => ask<Answer>(page, command, args)
  return {
    served: () => served,
    start: () => call('start'),
    prepare: () => call('prepare'),
    release: () => call('release'),
    async build() {
      const before = { cpu: treeCpuSeconds(root), resident: treeResidentBytes(root) }
      const built = await call<Built>('build')
      return {
        ...built,
        cpuSeconds: treeCpuSeconds(root) - before.cpu,
        residentBytes: treeResidentBytes(root) - before.resident,
      }
    },
    async search(ef, k, minSeconds, maxSeconds) {
      const before = treeCpuSeconds(root)
      const searched = await call<Searched>('search', ef, k, minSeconds, maxSeconds)
      return { ...searched, cpuSeconds: treeCpuSeconds(root) - before }
    },
    found: () => call('found'),
    save: () => call('save'),
    reload: () => call('reload'),
    async close() {
      await browser.close()
      await site.close()
      await removeProfile(profile)
    },
  }
}

function chromiumArguments(name: string): string[] {
  // Without it a page in a window nobody sees may be slowed down.
  return name === 'chromium' ? ['--js-flags=--expose-gc', '--disable-renderer-backgrounding'] : []
}

async function ask<Answer>(page: BrowserPage, command: string, args: readonly number[]): Promise<Answer> {
  const answer = await page.evaluate<Answer & { error?: string }>(
    `bench.call(${JSON.stringify(command)}, ${JSON.stringify(args)})`,
  )
  if (typeof answer.error === 'string') throw new Error(answer.error)
  return answer
}
