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

  test.each(['indexeddb', 'idbfs', 'opfs'])(
    'that is full is QUOTA_EXCEEDED, and all stays as it was (%s)',
    async (adapter) => {
      const profile = await createProfile()
      const browser = await launchBrowser('chromium', { profile })
      const page = await browser.openPage(`${site.origin}/`)
      const session = await page.playwright!.context().newCDPSession(page.playwright!)
      const setQuota = (quotaSize: number) =>
        session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize })
      await setQuota(QUOTA_BYTES)

      const filled = await page.evaluate<Filled>(`quotaPage.fill('${adapter}')`)
      expect(filled.code).toBe('QUOTA_EXCEEDED')
      expect(filled.stored).toBeGreaterThan(0)
      const [put, ...others] = await page.evaluate<unknown[]>('quotaPage.writeWhenFull()')
      expect(put).toBe('QUOTA_EXCEEDED')
      for (const other of others) expect([true, 'done', 'QUOTA_EXCEEDED']).toContain(other)
      expect(await page.evaluate(`quotaPage.check('${adapter}', ${filled.stored})`)).toBe('as before')

      if (adapter === 'opfs') {
        // Its files give room back at once; IndexedDB does when it compacts.
        expect(await page.evaluate(`quotaPage.deleteAndGoOn(${filled.stored})`)).toBe('went on')
      }
      await setQuota(4 * QUOTA_BYTES)
      expect(await page.evaluate('quotaPage.goOn()')).toBe('went on')
      await browser.close()
      await removeProfile(profile)
    },
  )

  test.each([
    { adapter: 'indexeddb', storageTypes: 'indexeddb' },
    { adapter: 'idbfs', storageTypes: 'indexeddb' },
    { adapter: 'opfs', storageTypes: 'file_systems' },
  ])(
    'that is cleared is EVICTED for who uses it, and for who opens it afterwards ($adapter)',
    async ({ adapter, storageTypes }) => {
      const profile = await createProfile()
      const browser = await launchBrowser('chromium', { profile })
      const page = await browser.openPage(`${site.origin}/`)
      const session = await page.playwright!.context().newCDPSession(page.playwright!)
      await session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize: QUOTA_BYTES })
      await page.evaluate(`quotaPage.fill('${adapter}')`)
      await session.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes })
      const [readHead, get, list, ...writes] = await page.evaluate<unknown[]>('quotaPage.callAll()')
      expect(writes).toEqual(writes.map(() => 'EVICTED'))
      // Files that are open can be read until they are closed.
      if (adapter !== 'opfs') expect([readHead, get, list]).toEqual(['EVICTED', 'EVICTED', 'EVICTED'])

      expect(await page.evaluate(`quotaPage.open('${adapter}')`)).toBe('EVICTED')
      expect(await page.evaluate<Filled>(`quotaPage.fill('${adapter}', true)`)).toMatchObject({
        code: 'QUOTA_EXCEEDED',
      })
      await browser.close()
      await removeProfile(profile)
    },
  )

  test('that is evicted as a whole takes the marks with it: what is opened is new', async () => {
    const profile = await createProfile()
    const browser = await launchBrowser('chromium', { profile })
    const page = await browser.openPage(`${site.origin}/`)
    const session = await page.playwright!.context().newCDPSession(page.playwright!)
    await session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize: QUOTA_BYTES })
    await page.evaluate(`quotaPage.fill('indexeddb')`)
    await session.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'all' })
    await page.reload()
    expect(await page.evaluate(`quotaPage.open('indexeddb')`)).toBe('open')
    await browser.close()
    await removeProfile(profile)
  })
})
