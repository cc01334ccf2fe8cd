import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BrowserPage,
  type BrowserProcess,
  createProfile,
  launchBrowser,
  removeProfile,
  serveFolder,
  type StaticServer,
} from '../browser/browser-harness.js'
import { count, distanceBetween, nearestTo } from './shipped-images.js'

const root = join(import.meta.dirname, '../..')
const built = mkdtempSync(join(tmpdir(), 'omendb-visual-search-'))
const screenshots = join(root, 'build/screenshots')

let site: StaticServer
let profile: string
let browser: BrowserProcess

/** What the page says about itself. */
interface PageState {
  state?: string
  rowsAtOpen?: string
  indexedAtOpen?: string
  rowsStored?: string
}

const stateOf = (page: Page): Promise<PageState> =>
  page.evaluate(() => Object.fromEntries(Object.entries(document.body.dataset)))
const textOf = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText()
const settled = (page: Page): Promise<unknown> =>
  page.waitForSelector('body[data-state=ready], body[data-state=problem]', { timeout: 180_000 })

/** The page's answer as it stands: the chosen image and its hits. */
const answerOf = (page: Page): Promise<{ chosen: number; hits: { id: number; distance: number }[] }> =>
  page.evaluate(() => ({
    chosen: Number(document.getElementById('chosen')!.dataset['image']),
    hits: [...document.querySelectorAll<HTMLElement>('#hits [data-hit]')].map((hit) => ({
      id: Number(hit.dataset['hit']),
      distance: Number(hit.dataset['distance']),
    })),
  }))

const chosenIs = (page: Page, image: number): Promise<unknown> =>
  page.waitForSelector(`#chosen[data-image="${image}"]`)

/** Clicks one of the first images, which stand at the top of the gallery. */
async function clickImage(page: Page, image: number): Promise<void> {
  await page.evaluate(() => document.getElementById('scroller')!.scrollTo(0, 0))
  await page.locator(`[data-image="${image}"].tile`).click()
  await chosenIs(page, image)
}

async function openPage(): Promise<{ page: Page; errors: BrowserPage['errors'] }> {
  const { playwright, errors } = await browser.openPage(`${site.origin}/`)
  return { page: playwright!, errors }
}

beforeAll(async () => {
  await build({
    configFile: join(root, 'examples/visual-search/vite.config.ts'),
    build: { outDir: built },
    logLevel: 'warn',
  })
  site = await serveFolder(built)
  profile = await createProfile()
  browser = await launchBrowser('chromium', { profile })
})

afterAll(async () => {
  await browser?.close()
  await site?.close()
  await removeProfile(profile)
  rmSync(built, { recursive: true, force: true })
})

describe('examples/visual-search', () => {
  let page: Page
  let errors: BrowserPage['errors']

  it('stores and indexes all images, showing how far it is', async () => {
    ;({ page, errors } = await openPage())
    await page.waitForSelector('#progress-bar:not([hidden])')
    const bar = page.getByRole('progressbar', { name: 'Storing and indexing images' })
    expect(await bar.getAttribute('aria-valuetext')).toMatch(/^(Storing|Indexing) [\d,]+ of 10,000/)
    await settled(page)
    expect(await stateOf(page)).toMatchObject({ state: 'ready', rowsAtOpen: '0', rowsStored: String(count) })
    expect(await textOf(page, '#progress-text')).toMatch(/^Stored 10,000 images in .+ all indexed after /)
    const longest = await textOf(page, '[data-figure=task] b')
    console.log(`longest task of the page's thread while storing and indexing: ${longest}`)
    console.log(await textOf(page, '#progress-text'))
  })

  it('shows live figures', async () => {
    const figures: Record<string, string> = await page.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll<HTMLElement>('[data-figure]')].map(
          (figure) => [figure.dataset['figure'] ?? '', figure.querySelector('b')?.textContent ?? ''] as const,
        ),
      ),
    )
    expect(figures).toMatchObject({ rows: '10,000', engine: 'Worker' })
    expect(figures['time']).toMatch(/^[\d.,]+ ms$/)
    expect(figures['storage']).toMatch(/^[\d.,]+ MiB$/)
    expect(Number(figures['bytes']?.replaceAll(',', '') ?? 0)).toBeGreaterThan(784 * 4)
    expect(parseFloat(figures['recall'] ?? '')).toBeGreaterThanOrEqual(95)
    console.log(figures)
  })

  it('answers a click with the nearest images and their exact distances', async () => {
    await clickImage(page, 7)
    const { hits } = await answerOf(page)
    expect(hits).toHaveLength(10)
    for (const { id, distance } of hits) expect(distance).toBeCloseTo(distanceBetween(7, id), 1)
    const truth = new Set(nearestTo(7, 10).map(({ id }) => id))
    expect(hits.filter(({ id }) => truth.has(id)).length).toBeGreaterThanOrEqual(9)
    expect(await textOf(page, '#announcer')).toMatch(
      /^10 nearest to Pullover, image 7\. \d+ of the same class\./,
    )
  })

  it('walks on from an answer', async () => {
    const { hits } = await answerOf(page)
    await page.locator('#hits [data-hit]').first().click()
    await chosenIs(page, hits[0]!.id)
    expect((await answerOf(page)).hits.map(({ id }) => id)).not.toContain(hits[0]!.id)
  })

  it('compares exact and graph search', async () => {
    await page.getByRole('button', { name: 'Compare exact and graph' }).click()
    const comparison = page.getByRole('region', { name: 'Exact and graph compared' })
    await comparison.waitFor()
    const exact = await comparison.locator('.strip').nth(1).getAttribute('data-ids')
    const { chosen } = await answerOf(page)
    const found = exact!.split(' ').map((id) => distanceBetween(chosen, Number(id)))
    nearestTo(chosen, 10).forEach(({ distance }, rank) => expect(found[rank]).toBeCloseTo(distance, 1))
    expect(await textOf(page, '.verdict')).toMatch(/^(\d|10) of 10 the same; the graph was /)
  })

  it('is used by keyboard: one tab stop, arrows, Enter, and letters', async () => {
    await clickImage(page, 0)
    const focused = (): Promise<number> =>
      page.evaluate(() => Number((document.activeElement as HTMLElement).dataset['image'] ?? -1))
    expect(await page.locator('.tile[tabindex="0"]').count()).toBe(1)
    await page.keyboard.press('ArrowRight')
    expect(await focused()).toBe(1)
    const columns = Number(await page.locator('#grid').getAttribute('aria-colcount'))
    await page.keyboard.press('ArrowDown')
    expect(await focused()).toBe(1 + columns)
    await page.keyboard.press('Home')
    expect(await focused()).toBe(columns)
    await page.keyboard.press('Enter')
    await chosenIs(page, columns)
    await page.keyboard.press('Control+End')
    expect(await focused()).toBe(count - 1)
    expect(await page.locator('.tile[tabindex="0"]').count()).toBe(1)
    await page.keyboard.press('PageUp')
    expect(await focused()).toBeLessThan(count - 1)
    await page.keyboard.press('Control+Home')
    expect(await focused()).toBe(0)
    await page.keyboard.press('Enter')
    await chosenIs(page, 0)
    await page.keyboard.press('c')
    await page.waitForSelector('#comparison:not([hidden])')
    await page.keyboard.press('r')
    await page.waitForSelector('#chosen:not([data-image="0"])')
  })

  it('keeps the place of who walks through answers by keyboard', async () => {
    await page.locator('#hits [data-hit]').nth(2).focus()
    const before = (await answerOf(page)).chosen
    await page.keyboard.press('Enter')
    await page.waitForSelector(`#chosen:not([data-image="${before}"])`)
    const place = await page.evaluate(() =>
      [...document.querySelectorAll('#hits button')].indexOf(document.activeElement as HTMLButtonElement),
    )
    expect(place).toBe(2)
  })

  it('has landmarks, names and states for a screen reader', async () => {
    await clickImage(page, 0)
    for (const [role, name] of [
      ['region', 'More like this'],
      ['region', 'All images'],
      ['region', 'Figures'],
      ['grid', 'All images'],
      ['list', 'Nearest images'],
      ['heading', 'Visual search'],
    ] as const)
      expect(await page.getByRole(role, { name }).count(), `${role} ${name}`).toBe(1)
    for (const role of ['banner', 'main', 'contentinfo', 'status'] as const)
      expect(await page.getByRole(role).count(), role).toBe(1)
    expect(await page.getByRole('gridcell', { selected: true }).count()).toBe(1)
    expect(await page.getByRole('button', { name: 'Ankle boot, image 0', exact: true }).count()).toBe(1)
    expect(await page.getByRole('button', { name: /^1: .+, image \d+, distance [\d,.]+$/ }).count()).toBe(1)
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll('button')]
        .filter((button) => (button.getAttribute('aria-label') ?? button.textContent).trim() === '')
        .map((button) => button.outerHTML),
    )
    expect(unnamed).toEqual([])
  })

  it.each([
    { name: 'desktop', width: 1440, height: 900 },
    { name: 'tablet', width: 820, height: 1180 },
    { name: 'phone', width: 360, height: 740 },
  ])('fits a $name, light and dark', async ({ name, width, height }) => {
    mkdirSync(screenshots, { recursive: true })
    await page.setViewportSize({ width, height })
    const grounds = new Set<string>()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.waitForFunction(() => document.querySelectorAll('.tile:not(.known)').length === 0)
      await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}.png`) })
      const { overflow, ground } = await page.evaluate(() => ({
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        ground: getComputedStyle(document.body).backgroundColor,
      }))
      expect(overflow).toBe(0)
      grounds.add(ground)
    }
    expect(grounds.size).toBe(2)
  })

  it('restores everything after a reload, and neither stores nor indexes again', async () => {
    await page.setViewportSize({ width: 1440, height: 900 })
    const { chosen, hits } = await answerOf(page)
    await clickImage(page, 3)
    const before = await answerOf(page)
    expect(chosen === 3 ? [] : hits).not.toEqual(before.hits)
    await page.reload()
    await settled(page)
    expect(await stateOf(page)).toMatchObject({
      state: 'ready',
      rowsAtOpen: String(count),
      indexedAtOpen: String(count),
    })
    expect((await stateOf(page)).rowsStored).toBeUndefined()
    expect(await textOf(page, '#progress-text')).toMatch(
      /^Restored 10,000 images in .+Nothing was indexed again\.$/,
    )
    expect(await answerOf(page)).toEqual(before)
    console.log(await textOf(page, '#progress-text'))
    // What the page drew came out of the database: the data was not even asked for.
    const resources = await page.evaluate(() =>
      performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname),
    )
    expect(resources.filter((path) => path.includes('/data/'))).toEqual([])
  })

  it('fetches nothing from anywhere else and breaks no rule of its security policy', async () => {
    const origins = await page.evaluate(() =>
      performance.getEntriesByType('resource').map(({ name }) => new URL(name).origin),
    )
    expect([...new Set(origins)]).toEqual([site.origin])
    expect(errors).toEqual([])
  })

  it('offers a second tab a read-only view, which answers', async () => {
    const second = (await openPage()).page
    await settled(second)
    const alert = second.getByRole('alert')
    expect(await alert.getAttribute('data-code')).toBe('LOCKED')
    expect(await alert.innerText()).toMatch(/^Open in another tab/)
    await second.getByRole('button', { name: 'Open a read-only view' }).click()
    await settled(second)
    expect(await stateOf(second)).toMatchObject({ state: 'ready', rowsAtOpen: String(count) })
    expect(await textOf(second, '#progress-text')).toMatch(/^Read-only view of 10,000 images/)
    expect(await second.getByRole('button', { name: 'Clear and index again' }).isDisabled()).toBe(true)
    await clickImage(second, 5)
    expect((await answerOf(second)).hits).toHaveLength(10)
    await second.close()
  })

  it('goes on where a killed browser stopped', async () => {
    await page.getByRole('button', { name: 'Clear and index again' }).click()
    await page.waitForFunction(() => {
      const text = document.getElementById('progress-text')!.textContent
      return Number(/^Storing ([\d,]+) of/.exec(text)?.[1]?.replace(',', '') ?? 0) >= 1500
    })
    await browser.kill()
    browser = await launchBrowser('chromium', { profile })
    ;({ page, errors } = await openPage())
    await settled(page)
    const { rowsAtOpen, rowsStored, state } = await stateOf(page)
    expect(state).toBe('ready')
    expect(Number(rowsAtOpen)).toBeGreaterThanOrEqual(1500)
    expect(Number(rowsAtOpen) + Number(rowsStored ?? 0)).toBe(count)
    await clickImage(page, 7)
    for (const { id, distance } of (await answerOf(page)).hits)
      expect(distance).toBeCloseTo(distanceBetween(7, id), 1)
    expect(errors).toEqual([])
  })
})

describe('examples/visual-search, where things are otherwise', () => {
  let elsewhere: StaticServer

  // Another port is another origin, with a storage of its own.
  beforeAll(async () => {
    elsewhere = await serveFolder(built)
  })
  afterAll(() => elsewhere?.close())

  it('says that there is no room, keeps what is stored, and goes on when there is', async () => {
    const page = (await browser.openPage('about:blank')).playwright!
    const session = await page.context().newCDPSession(page)
    const setQuota = (bytes?: number): Promise<unknown> =>
      session.send('Storage.overrideQuotaForOrigin', {
        origin: elsewhere.origin,
        ...(bytes === undefined ? {} : { quotaSize: bytes }),
      })
    await setQuota(4 << 20)
    await page.goto(`${elsewhere.origin}/`)
    await settled(page)
    const alert = page.getByRole('alert')
    expect(await alert.getAttribute('data-code')).toBe('QUOTA_EXCEEDED')
    expect(await alert.innerText()).toMatch(/^No room left in the browser/)
    await setQuota()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.waitForSelector('body[data-state=ready]', { timeout: 180_000 })
    const { rowsAtOpen, rowsStored } = await stateOf(page)
    expect(Number(rowsAtOpen)).toBeGreaterThan(0)
    expect(Number(rowsAtOpen) + Number(rowsStored ?? 0)).toBe(count)
    await page.close()
  })

  it('runs in memory with the engine in place, and says that nothing is kept', async () => {
    const { playwright, errors } = await browser.openPage(`${elsewhere.origin}/?storage=memory&worker=no`)
    const page = playwright!
    await settled(page)
    expect(await stateOf(page)).toMatchObject({ state: 'ready', rowsStored: String(count) })
    expect(await textOf(page, '#progress-text')).toMatch(/They are gone when this page closes\.$/)
    expect(await textOf(page, '[data-figure=engine] b')).toBe('In place')
    expect(await textOf(page, '[data-figure=storage] small')).toMatch(/^memory/)
    await clickImage(page, 7)
    for (const { id, distance } of (await answerOf(page)).hits)
      expect(distance).toBeCloseTo(distanceBetween(7, id), 1)
    console.log(`longest task with the engine in place: ${await textOf(page, '[data-figure=task] b')}`)
    expect(errors).toEqual([])
    await page.close()
  })

  it('keeps its images through IDBFS as well', async () => {
    const { playwright, errors } = await browser.openPage(`${elsewhere.origin}/?storage=idbfs`)
    const page = playwright!
    await settled(page)
    expect(await stateOf(page)).toMatchObject({ state: 'ready', rowsAtOpen: '0', rowsStored: String(count) })
    await page.reload()
    await settled(page)
    expect(await stateOf(page)).toMatchObject({ rowsAtOpen: String(count), indexedAtOpen: String(count) })
    expect(await textOf(page, '[data-figure=storage] small')).toMatch(/^idbfs/)
    expect(errors).toEqual([])
    await page.close()
  })

  it('stores, restores and answers in Firefox', async () => {
    const firefoxProfile = await createProfile()
    const firefox = await launchBrowser('firefox', { profile: firefoxProfile })
    try {
      const opened = await firefox.openPage(`${elsewhere.origin}/`)
      const page = opened.puppeteer!
      const ready = (): Promise<unknown> =>
        page.waitForSelector('body[data-state=ready]', { timeout: 180_000 })
      const rowsAtOpen = (): Promise<string | undefined> =>
        page.evaluate(() => document.body.dataset['rowsAtOpen'])
      await ready()
      expect(await rowsAtOpen()).toBe('0')
      await opened.reload()
      await ready()
      expect(await rowsAtOpen()).toBe(String(count))
      await page.click('[data-image="7"].tile')
      await page.waitForSelector('#chosen[data-image="7"]')
      expect(await page.$$eval('#hits [data-hit]', (hits) => hits.length)).toBe(10)
      expect(opened.errors).toEqual([])
    } finally {
      await firefox.close()
      await removeProfile(firefoxProfile)
    }
  })
})
