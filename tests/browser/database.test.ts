import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type BrowserName,
  type BrowserPage,
  type BrowserProcess,
  createProfile,
  launchBrowser,
  removeProfile,
} from './browser-harness.js'
import { call, type DatabaseSite, serveDatabasePage } from './database-site.js'

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox']
const STORAGES = ['indexeddb', 'idbfs', 'opfs'] as const

let site: DatabaseSite
beforeAll(async () => {
  site = await serveDatabasePage()
})
afterAll(() => site.remove())

const address = (): string => `${site.server.origin}/`

describe.each(BROWSERS)('a database in %s', (browserName) => {
  let profile: string
  let browser: BrowserProcess
  let page: BrowserPage
  beforeAll(async () => {
    profile = await createProfile()
    browser = await launchBrowser(browserName, { profile })
  })
  beforeEach(async () => {
    page = await browser.openPage(address())
  })
  afterEach(async () => {
    expect(page.errors).toEqual([])
    await page.close()
  })
  afterAll(async () => {
    await browser.close()
    await removeProfile(profile)
  })

  const variants = STORAGES.flatMap((storage) => [true, false].map((worker) => ({ storage, worker }))).filter(
    ({ storage, worker }) => worker || storage !== 'opfs',
  )
  test('in OPFS needs the engine in a worker, and says so', async () => {
    const opened = await call<{ code: string; message: string }>(page, 'open', 'in place', {
      storage: 'opfs',
      worker: false,
    })
    expect(opened.code).toBe('UNSUPPORTED')
    expect(opened.message).toContain('dedicated worker')
  })

  test.each(variants)(
    'survives a reload without indexing again ($storage, worker: $worker)',
    async (variant) => {
      const name = `reload ${JSON.stringify(variant)}`
      const opened = await call<object>(page, 'open', name, variant)
      expect(opened).toMatchObject({
        storage: variant.storage,
        engine: variant.worker ? 'worker' : 'in-place',
      })
      expect(await call(page, 'write', 20)).toBe(3_000)
      await call(page, 'idle')
      // Closing stores a graph only when much of it is new.
      expect(await call(page, 'flush')).toBeNull()
      const before = await call<string>(page, 'answers', 20)
      const stats = await call<{ indexedRows: number }>(page, 'stats')
      expect(stats).toMatchObject({ rows: 3_000, indexedRows: 3_000 })
      expect(await call(page, 'close')).toBeNull()

      await page.reload()
      expect(await call(page, 'open', name, { ...variant, readOnly: true })).toMatchObject({ readOnly: true })
      // A reader does not index: what is indexed came from storage.
      expect(await call(page, 'stats')).toMatchObject({ rows: 3_000, indexedRows: 3_000 })
      expect(await call(page, 'answers', 20)).toBe(before)
      expect(await call(page, 'check', 20)).toBeNull()
      await call(page, 'close')
    },
  )

  test.each(variants)(
    'is not LOCKED by the page that was reloaded ($storage, worker: $worker)',
    async (variant) => {
      const name = `reloaded ${JSON.stringify(variant)}`
      for (let i = 1; i <= 4; i++) {
        expect(await call(page, 'open', name, variant)).toMatchObject({ readOnly: false })
        expect(await call(page, 'writeBatch', i)).toBeNull()
        // Not closed: people don't.
        await page.reload()
      }
      expect(await call(page, 'open', name, variant)).toMatchObject({ readOnly: false })
      expect(await call(page, 'check', 4)).toBeNull()
      await call(page, 'close')
    },
  )

  test.each(STORAGES)('keeps a second page out that does not share, which may read (%s)', async (storage) => {
    const name = `two pages ${storage}`
    await call(page, 'open', name, { storage, sharing: false })
    expect(await call(page, 'write', 3)).toBe(450)
    const second = await browser.openPage(address())
    expect(await call(second, 'open', name, { storage })).toMatchObject({ code: 'LOCKED' })
    expect(await call(second, 'open', name, { storage, readOnly: true })).toMatchObject({ readOnly: true })
    expect(await call(second, 'check', 3)).toBeNull()
    expect(await call(second, 'writeBatch', 9)).toMatchObject({ code: 'READ_ONLY' })
    expect(await call(page, 'writeBatch', 4)).toBeNull()
    expect(await call(second, 'close')).toBeNull()
    expect(await call(second, 'open', name, { storage, readOnly: true })).toMatchObject({ readOnly: true })
    expect(await call(second, 'check', 4)).toBeNull()
    await call(second, 'close')

    expect(await call(page, 'close')).toBeNull()
    expect(await call(second, 'open', name, { storage })).toMatchObject({ readOnly: false })
    expect(await call(page, 'open', name, { storage, sharing: false })).toMatchObject({ code: 'LOCKED' })
    // A page that goes away without closing gives its lock up too.
    await second.close()
    expect(await call(page, 'open', name, { storage })).toMatchObject({ readOnly: false })
    expect(await call(page, 'check', 4)).toBeNull()
    await call(page, 'close')
  })
})

describe('a browser without OPFS', () => {
  test('keeps in IndexedDB what was to be there, and says so', async () => {
    const profile = await createProfile()
    const firefoxPreferences = { 'dom.fs.enabled': false }
    let browser = await launchBrowser('firefox', { profile, firefoxPreferences })
    let page = await browser.openPage(address())
    const opened = await call<{ storageFallback: string }>(page, 'open', 'fallen back', { storage: 'opfs' })
    expect(opened).toMatchObject({ storage: 'indexeddb', engine: 'worker', durable: true })
    expect(opened.storageFallback).toMatch(/^opfs: this runtime has no private file system/)
    expect(await call(page, 'write', 2)).toBe(300)
    await call(page, 'close')
    await browser.close()

    // What was begun where it is to be is not looked for elsewhere.
    browser = await launchBrowser('firefox', { profile })
    page = await browser.openPage(address())
    expect(await call(page, 'open', 'in place', { storage: 'opfs' })).toMatchObject({ storage: 'opfs' })
    expect(await call(page, 'write', 2)).toBe(300)
    await call(page, 'close')
    await browser.close()
    browser = await launchBrowser('firefox', { profile, firefoxPreferences })
    page = await browser.openPage(address())
    expect(await call(page, 'open', 'in place', { storage: 'opfs' })).toMatchObject({ code: 'UNSUPPORTED' })
    await browser.close()
    await removeProfile(profile)
  })
})
