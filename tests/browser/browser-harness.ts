/**
 * Real browsers for tests: a static server over a folder, a page bundled from TypeScript, Chromium (playwright-core
 * over CDP) or Firefox (puppeteer-core over WebDriver BiDi) on a profile folder that outlives the process, WebKitGTK, and
 * `kill()`, which ends the whole process tree with SIGKILL so that a test can look at what was left.
 *
 *   const site = await serveFolder(folder)
 *   const profile = await createProfile()
 *   let browser = await launchBrowser('chromium', { profile })
 *   const page = await browser.openPage(site.origin + '/')
 *   await page.evaluate('globalThis.write()')
 *   await browser.kill()
 *   browser = await launchBrowser('chromium', { profile })   // same profile, same origin
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import puppeteer, { type Browser as PuppeteerBrowser, type Page as PuppeteerPage } from 'puppeteer-core'
import { killTree } from './process-tree.js'
import { launchWebKit } from './webkit-driver.js'

export { bundlePage } from './page-bundle.js'
export { serveFolder, type StaticServer } from './static-server.js'

export type BrowserName = 'chromium' | 'firefox' | 'webkit'

export interface BrowserPage {
  /** Evaluates an expression; a promise is awaited. The value travels as JSON. */
  evaluate<T>(expression: string): Promise<T>
  reload(): Promise<void>
  goto(url: string): Promise<void>
  close(): Promise<void>
  /** Uncaught errors and `console.error` lines so far. */
  readonly errors: readonly string[]
  /** The driver's own page where a test needs more than this interface. */
  readonly playwright?: Page
  readonly puppeteer?: PuppeteerPage
}

export interface BrowserProcess {
  readonly name: BrowserName
  openPage(url: string): Promise<BrowserPage>
  /** The main process. */
  readonly processId: number
  /** SIGKILL to every process of the browser; resolves when all are gone. */
  kill(): Promise<void>
  /** Ends it in the normal way. */
  close(): Promise<void>
}

export interface LaunchOptions {
  /** A folder from `createProfile`. */
  profile: string
  /** More command line arguments. */
  args?: readonly string[]
  /** More preferences of Firefox. */
  firefoxPreferences?: Readonly<Record<string, unknown>>
}

const EXECUTABLES = {
  chromium: process.env['OMENDB_CHROMIUM'] ?? '/usr/bin/chromium',
  firefox: process.env['OMENDB_FIREFOX'] ?? '/usr/bin/firefox-esr',
}

const CHROMIUM_ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
]

const FIREFOX_PREFERENCES = {
  // Nothing of the machine's network is used, and no first-run page is opened.
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'browser.startup.page': 0,
  'toolkit.startup.max_resumed_crashes': -1,
  'browser.sessionstore.resume_from_crash': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
}

/** A fresh profile folder; remove it with `removeProfile`. */
export function createProfile(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'omendb-profile-'))
}

export async function removeProfile(profile: string): Promise<void> {
  await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

export function launchBrowser(name: BrowserName, options: LaunchOptions): Promise<BrowserProcess> {
  switch (name) {
    case 'chromium':
      return launchChromium(options)
    case 'firefox':
      return launchFirefox(options)
    case 'webkit':
      return launchWebKit(options)
  }
}

async function launchChromium({ profile, args = [] }: LaunchOptions): Promise<BrowserProcess> {
  // A killed Chromium leaves these behind; the first names a port that is no longer its own.
  for (const left of ['DevToolsActivePort', 'SingletonLock', 'SingletonCookie', 'SingletonSocket']) {
    await rm(join(profile, left), { force: true })
  }
  const child = spawn(
    EXECUTABLES.chromium,
    [...CHROMIUM_ARGS, ...args, `--user-data-dir=${profile}`, 'about:blank'],
    {
      stdio: 'ignore',
    },
  )
  const browser = await chromium.connectOverCDP(await chromiumEndpoint(child, profile))
  const context = browser.contexts()[0]
  if (context === undefined) throw new Error('Chromium has no default context')
  return {
    name: 'chromium',
    processId: processId(child),
    async openPage(url) {
      const page = await context.newPage()
      return chromiumPage(page, url)
    },
    kill: () => killTree(processId(child)),
    close: () => closeChromium(browser, child),
  }
}

/** The address of the DevTools socket, which Chromium writes into its profile folder when it listens. */
async function chromiumEndpoint(child: ChildProcess, profile: string): Promise<string> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`Chromium ended with ${child.exitCode} while starting`)
    const text = await readFile(join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '')
    const [port, path] = text.split('\n')
    if (port !== undefined && path !== undefined && path !== '') return `ws://127.0.0.1:${port}${path}`
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function closeChromium(browser: Browser, child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
  const session = await browser.newBrowserCDPSession()
  // The answer may be cut off by the end of the process itself.
  await session.send('Browser.close').catch(() => undefined)
  await ended
}

async function chromiumPage(page: Page, url: string): Promise<BrowserPage> {
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await page.goto(url)
  return {
    errors,
    playwright: page,
    evaluate: <T>(expression: string) => page.evaluate<T>(expression),
    reload: async () => {
      await page.reload()
    },
    goto: async (next) => {
      await page.goto(next)
    },
    close: () => page.close(),
  }
}

async function launchFirefox({
  profile,
  args = [],
  firefoxPreferences = {},
}: LaunchOptions): Promise<BrowserProcess> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: EXECUTABLES.firefox,
    headless: true,
    userDataDir: profile,
    args: [...args],
    // All those of an earlier launch would stay in the profile.
    extraPrefsFirefox: { 'dom.fs.enabled': true, ...FIREFOX_PREFERENCES, ...firefoxPreferences },
    protocolTimeout: 600_000,
  })
  const child = browser.process()
  if (child === null) throw new Error('Firefox was not started by this driver')
  return {
    name: 'firefox',
    processId: processId(child),
    async openPage(url) {
      return firefoxPage(await browser.newPage(), url)
    },
    kill: () => killFirefox(browser, child, profile),
    close: () => browser.close(),
  }
}

async function killFirefox(browser: PuppeteerBrowser, child: ChildProcess, profile: string): Promise<void> {
  await killTree(processId(child))
  // Not awaited for an answer: there is nobody to give one.
  await browser.disconnect().catch(() => undefined)
  // When it hears of the end, the driver puts the preferences back that it had kept under these names, and must not do
  // so while the next launch on the same profile writes them.
  while ((await readdir(profile)).some((name) => name.endsWith('.puppeteer'))) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function firefoxPage(page: PuppeteerPage, url: string): Promise<BrowserPage> {
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await page.goto(url)
  return {
    errors,
    puppeteer: page,
    evaluate: <T>(expression: string) => page.evaluate(expression) as Promise<T>,
    reload: async () => {
      await page.reload()
    },
    goto: async (next) => {
      await page.goto(next)
    },
    close: () => page.close(),
  }
}

function processId(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the browser did not start')
  return child.pid
}
