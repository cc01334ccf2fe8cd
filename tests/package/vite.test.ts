import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { join } from 'node:path'
import { build, createServer, type InlineConfig } from 'vite'
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
  app = await installPackage({ 'index.html': PAGE_HTML, 'main.js': PAGE_SCRIPT })
  profile = await createProfile()
  browser = await launchBrowser('chromium', { profile })
})

afterAll(async () => {
  await browser?.close()
  await removeProfile(profile)
  await app?.remove()
})

// No configuration file: what Vite does out of the box is what is tested.
const config = (): InlineConfig => ({
  root: app.folder,
  configFile: false,
  logLevel: 'warn',
  cacheDir: join(app.folder, '.vite'),
})

describe('in an application built with Vite', () => {
  it('works, in a worker and in place', async () => {
    await build({ ...config(), build: { target: 'es2022' } })
    const site = await serveFolder(join(app.folder, 'dist'))
    const page = await browser.openPage(site.origin)
    await expectWorkingPage(page)
    await page.close()
    await site.close()
  })
})

describe("behind Vite's development server", () => {
  it('works, in a worker and in place', async () => {
    const server = await createServer({ ...config(), server: { host: 'localhost', port: 0 } })
    await server.listen()
    const page = await browser.openPage(server.resolvedUrls!.local[0]!)
    await expectWorkingPage(page)
    expect(page.errors).toEqual([])
    await page.close()
    await server.close()
  })
})
