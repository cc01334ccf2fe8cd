import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seededRandom } from '../storage/seeded-random.js'
import type { Acknowledged } from '../storage/write-script.js'
import {
  type BrowserName,
  bundlePage,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
  type StaticServer,
} from './browser-harness.js'
import { copyIdbfsModule } from './idbfs-module-file.js'

/** Kills per browser and adapter. */
const KILLS = Number(process.env['OMENDB_BROWSER_KILLS'] ?? 3)
const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox']
const ADAPTERS = ['indexeddb', 'idbfs', 'opfs', 'opfs-shared'] as const
const TIMEOUT_MS = 60_000 * (KILLS + 1)

describe('a browser killed while a page writes', () => {
  let folder: string
  let site: StaticServer
  let steps: Acknowledged[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'omendb-kill-page-'))
    await bundlePage({ entry: fileURLToPath(new URL('kill-page.ts', import.meta.url)), outFolder: folder })
    await copyIdbfsModule(folder)
    site = await serveFolder(folder, { onPost: (body) => steps.push(JSON.parse(body) as Acknowledged) })
  })
  afterAll(async () => {
    await site.close()
    await rm(folder, { recursive: true })
  })

  async function stepsReached(count: number): Promise<void> {
    while (steps.length < count) await new Promise((resolve) => setTimeout(resolve, 2))
  }

  describe.each(BROWSERS)('%s', (browserName) => {
    test.each(ADAPTERS)(
      '%s',
      async (adapter) => {
        const profile = await createProfile()
        let browser = await launchBrowser(browserName, { profile })
        let page = await browser.openPage(`${site.origin}/`)
        for (let kill = 0; kill < KILLS; kill++) {
          const { random, seed } = seededRandom(kill)
          const database = `killed ${kill}`
          steps = []
          await page.evaluate(`killTest.write('${adapter}', '${database}')`)
          await stepsReached(2 + Math.floor(random() * 20))
          await new Promise((resolve) => setTimeout(resolve, random() * 40))
          await browser.kill()
          const done = steps.at(-1)!
          console.log(`seed ${seed}: ${browserName} killed after ${steps.length} steps`)
          expect(page.errors).toEqual([])

          browser = await launchBrowser(browserName, { profile })
          page = await browser.openPage(`${site.origin}/`)
          const check = `killTest.check('${adapter}', '${database}', ${JSON.stringify(done)})`
          expect(await page.evaluate<string | null>(check)).toBeNull()
        }
        await browser.close()
        await removeProfile(profile)
      },
      TIMEOUT_MS,
    )
  })
})
