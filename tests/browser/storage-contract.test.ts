import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CONTRACT_CASES } from '../storage/contract-suite.js'
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
import { copyIdbfsModule } from './idbfs-module-file.js'

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox']
const ADAPTERS = ['indexeddb', 'idbfs', 'opfs', 'opfs-shared'] as const
/** Cases that ask for what the adapter states it does not have. */
const NOT_PROMISED = 'not run: '

describe.each(BROWSERS)('%s', (browserName) => {
  let folder: string
  let site: StaticServer
  let profile: string
  let browser: BrowserProcess
  let page: BrowserPage

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'omendb-contract-'))
    await bundlePage({
      entry: fileURLToPath(new URL('contract-page.ts', import.meta.url)),
      outFolder: folder,
    })
    await copyIdbfsModule(folder)
    // What the documentation says is enough; anything that needs eval would fail here.
    site = await serveFolder(folder, {
      headers: { 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'" },
    })
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

  describe.each(ADAPTERS)('%s', (adapter) => {
    test.for(CONTRACT_CASES.map(({ name }) => name))('%s', async (name, { skip }) => {
      const call = `contract.run(${JSON.stringify(adapter)}, ${JSON.stringify(name)})`
      const failure = await page.evaluate<string | null>(call)
      if (failure?.startsWith(NOT_PROMISED)) skip(failure)
      expect(failure).toBeNull()
    })
  })
})
