import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type BrowserName,
  type BrowserPage,
  type BrowserProcess,
  bundlePage,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
  type StaticServer,
} from './browser-harness.js'

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox']

describe.each(BROWSERS)('an IndexedDB store in %s', (browserName) => {
  let folder: string
  let site: StaticServer
  let profile: string
  let browser: BrowserProcess
  let page: BrowserPage
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'omendb-instance-'))
    await bundlePage({
      entry: fileURLToPath(new URL('instance-page.ts', import.meta.url)),
      outFolder: folder,
    })
    site = await serveFolder(folder)
    profile = await createProfile()
    browser = await launchBrowser(browserName, { profile })
    page = await browser.openPage(`${site.origin}/`)
  })
  afterAll(async () => {
    await browser.close()
    await site.close()
    await removeProfile(profile)
    await rm(folder, { recursive: true })
  })

  const call = <T>(name: string, given = ''): Promise<T> => page.evaluate<T>(`instancePage.${name}(${given})`)

  test('of an older version gets an instance id, and goes on', async () => {
    await call('makeStore', `'older'`)
    await call('open', `'older'`)
    expect(await call('put', `'d-1'`)).toBe('put')
    await call('close')
    expect(await call('keysOf', `'older'`)).toEqual(['head', 'instance', 'd-1'])
    await call('open', `'older'`)
    expect(await call('names')).toEqual(['d-1'])
    await call('close')
  })

  test.each([
    ['another', `'another'`],
    ['none', 'undefined'],
  ])(
    'that stands in the place of the one in use is never written to (its id: %s)',
    async (label, instance) => {
      const name = `'replaced-${label}'`
      await call('makeStore', `${name}, 'first'`)
      await call('open', name)
      expect(await call('put', `'d-1'`)).toBe('put')
      await call('remove', name)
      await call('makeStore', `${name}, ${instance}`)
      expect(await call('put', `'d-2'`)).toBe('EVICTED')
      expect(await call('put', `'d-3'`)).toBe('EVICTED')
      await call('close')
      expect(await call('keysOf', name)).toEqual(label === 'none' ? ['head'] : ['head', 'instance'])
    },
  )
})
