import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  type BrowserProcess,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
} from '../browser/browser-harness.js'
import { installPackage, type InstalledPackage } from './packed-package.js'
import { expectWorkingPage, PAGE_HTML, PAGE_SCRIPT } from './page-app.js'

let app: InstalledPackage
let profile: string
let browser: BrowserProcess

beforeAll(async () => {
  app = await installPackage({
    'index.html': PAGE_HTML,
    'main.js': PAGE_SCRIPT.replace(`'omendb'`, `'./node_modules/omendb/dist/browser.js'`).replace(
      // Chromium runs it as it is; the syntax is what Vite would lower for others.
      /await using db/g,
      'await using db',
    ),
  })
  profile = await createProfile()
  browser = await launchBrowser('chromium', { profile })
})

afterAll(async () => {
  await browser?.close()
  await removeProfile(profile)
  await app?.remove()
})

describe('from a plain module script', () => {
  it('works under a strict content security policy, without cross-origin isolation', async () => {
    const policy =
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; img-src data:"
    const site = await serveFolder(app.folder, { headers: { 'content-security-policy': policy } })
    const page = await browser.openPage(site.origin)
    await expectWorkingPage(page)
    await page.close()
    await site.close()
  })
})
