import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bundlePage,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
  type StaticServer,
} from './browser-harness.js'
import { copyIdbfsModule } from './idbfs-module-file.js'
import type { Filled } from './quota-page.js'

const QUOTA_BYTES = 40 * 1024 * 1024

/** Only Chromium lets a test set the quota of an origin, and clear it while it is in use. */
describe('the storage of an origin in chromium', () => {
  let folder: string
  let site: StaticServer
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'omendb-quota-'))
    await bundlePage({ entry: fileURLToPath(new URL('quota-page.ts', import.meta.url)), outFolder: folder })
    await copyIdbfsModule(folder)
    site = await serveFolder(folder)
  })
  afterAll(async () => {
    await site.close()
    await rm(folder, { recursive: true })
  })

  test.each(['indexeddb', 'idbfs'])(
    'that is full is QUOTA_EXCEEDED, and all stays as it was (%s)',
    async (adapter) => {
      const profile = await createProfile()
      const browser = await launchBrowser('chromium', { profile })
      const page = await browser.openPage(`${site.origin}/`)
      const session = await page.playwright!.context().newCDPSession(page.playwright!)
      await session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize: QUOTA_BYTES })

      const filled = await page.evaluate<Filled>(`quotaPage.fill('${adapter}')`)
      expect(filled.code).toBe('QUOTA_EXCEEDED')
      expect(filled.stored).toBeGreaterThan(0)
      expect(await page.evaluate(`quotaPage.check('${adapter}', ${filled.stored})`)).toBe('as before')

      await session.send('Storage.overrideQuotaForOrigin', {
        origin: site.origin,
        quotaSize: 4 * QUOTA_BYTES,
      })
      expect(await page.evaluate('quotaPage.goOn()')).toBe('went on')
      await browser.close()
      await removeProfile(profile)
    },
  )

  test.each(['indexeddb', 'idbfs'])(
    'that is cleared is STORAGE_FAILED for who uses it (%s)',
    async (adapter) => {
      const profile = await createProfile()
      const browser = await launchBrowser('chromium', { profile })
      const page = await browser.openPage(`${site.origin}/`)
      const session = await page.playwright!.context().newCDPSession(page.playwright!)
      await session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize: QUOTA_BYTES })
      await page.evaluate(`quotaPage.fill('${adapter}')`)
      await session.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'indexeddb' })
      const codes = await page.evaluate<unknown[]>('quotaPage.callAll()')
      expect(codes).toEqual(codes.map(() => 'STORAGE_FAILED'))
      // Opened anew it is empty, which is now the truth.
      expect(await page.evaluate<Filled>(`quotaPage.fill('${adapter}')`)).toMatchObject({
        code: 'QUOTA_EXCEEDED',
      })
      await browser.close()
      await removeProfile(profile)
    },
  )
})
