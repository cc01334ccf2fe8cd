/**
 * Several tabs with one database, in real browsers: all read and write while the tab that leads is closed, killed with its
 * process, or stopped and woken up again. How long nobody was answered is printed.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type BrowserName,
  type BrowserPage,
  type BrowserProcess,
  createProfile,
  launchBrowser,
  removeProfile,
} from './browser-harness.js'
import { type DatabaseSite, serveDatabasePage } from './database-site.js'
import { busiestProcess } from './process-tree.js'
import type { Written } from './tabs-page.js'

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox', 'webkit']
/** Leaders that end, per browser. */
const ROUNDS = Number(process.env['OMENDB_TAKEOVERS'] ?? 10)
const ROUND_MS_MAX = 60_000
/** What a takeover should take is under a second; a machine that is busy with something else may need more. */
const TAKEOVER_MS_MAX = 10_000
/** How long tabs write before and after the leader's end. */
const WRITING_MS = 400

type Ending = 'closed' | 'killed' | 'stopped'
const ENDINGS: Record<BrowserName, readonly Ending[]> = {
  chromium: ['killed', 'stopped', 'closed'],
  firefox: ['killed', 'stopped', 'closed'],
  // Its driver does not say which process a tab is in.
  webkit: ['closed'],
}

/** WebKitGTK offers no private file system. */
const STORAGES: Record<BrowserName, readonly string[]> = {
  chromium: ['indexeddb', 'idbfs', 'opfs'],
  firefox: ['indexeddb', 'idbfs', 'opfs'],
  webkit: ['indexeddb', 'idbfs'],
}

/** What leaders end under. IDBFS is IndexedDB with a program in between. */
const TAKEN_OVER: Record<BrowserName, readonly string[]> = {
  chromium: ['indexeddb', 'opfs'],
  firefox: ['indexeddb', 'opfs'],
  webkit: ['indexeddb'],
}

interface Tab {
  readonly name: string
  readonly page: BrowserPage
}

let site: DatabaseSite
beforeAll(async () => {
  site = await serveDatabasePage('tabs-page.ts')
})
afterAll(() => site.remove())

function ask<T>({ page }: Tab, name: string, ...given: unknown[]): Promise<T> {
  return page.evaluate<T>(`tabsPage.${name}(${given.map((one) => JSON.stringify(one)).join(', ')})`)
}

describe.each(BROWSERS)('tabs in %s', (browserName) => {
  let profile: string
  let browser: BrowserProcess
  let opened = 0
  beforeAll(async () => {
    profile = await createProfile()
    browser = await launchBrowser(browserName, { profile })
  })
  afterAll(async () => {
    await browser.close()
    await removeProfile(profile)
  })

  const openTab = async (): Promise<Tab> => {
    opened += 1
    return { name: `tab${opened}`, page: await browser.openPage(`${site.server.origin}/`) }
  }
  const openTabs = async (count: number): Promise<Tab[]> => {
    const tabs: Tab[] = []
    for (let i = 0; i < count; i += 1) tabs.push(await openTab())
    return tabs
  }
  const closeTabs = async (tabs: readonly Tab[]): Promise<void> => {
    for (const tab of tabs) {
      expect(tab.page.errors).toEqual([])
      await tab.page.close()
    }
  }

  test.each(STORAGES[browserName])('read and write one database (%s)', async (storage) => {
    const tabs = await openTabs(3)
    const [first, second, third] = tabs as [Tab, Tab, Tab]
    const name = `shared ${storage}`
    const options = { storage }
    expect(await ask(first, 'open', name, options)).toMatchObject({ role: 'leader', storage })
    // A tab without a worker follows as well; files for workers it could not take over.
    const inPlace = { ...options, worker: storage === 'opfs' }
    expect(await ask(second, 'open', name, inPlace)).toMatchObject({ role: 'follower' })
    expect(await ask(third, 'open', name, options)).toMatchObject({ role: 'follower', storage })
    for (const [n, tab] of tabs.entries()) expect(await ask(tab, 'writeOne', 'x', n)).toBeNull()
    for (const tab of tabs) {
      expect(await ask(tab, 'count')).toBe(3)
      for (const n of [0, 1, 2]) expect(await ask(tab, 'nearest', 'x', n)).toBe(`x:${n}`)
    }
    expect(await ask(second, 'deleteOne', 'x', 0)).toBe(1)
    expect(await ask(third, 'deleteOne', 'x', 0)).toBe(0)
    expect(await ask(first, 'count')).toBe(2)

    expect(await ask(third, 'open', name, { ...options, sharing: false })).toMatchObject({ code: 'LOCKED' })
    expect(await ask(first, 'close')).toBeNull()
    expect(await ask(second, 'role')).toBe('leader')
    expect(await ask(second, 'count')).toBe(2)
    expect(await ask(first, 'open', name, options)).toMatchObject({ role: 'follower' })
    expect(await ask(first, 'count')).toBe(2)
    await closeTabs(tabs)
  })

  test('keep to themselves what is not shared', async () => {
    const tabs = await openTabs(2)
    const [first, second] = tabs as [Tab, Tab]
    expect(await ask(first, 'open', 'alone', { sharing: false })).not.toHaveProperty('role')
    expect(await ask(second, 'open', 'alone')).toMatchObject({ code: 'LOCKED' })
    expect(await ask(first, 'close')).toBeNull()
    expect(await ask(second, 'open', 'alone')).toMatchObject({ role: 'leader' })
    expect(await ask(first, 'open', 'alone', { readOnly: true })).toMatchObject({ readOnly: true })
    await closeTabs(tabs)
  })

  test('upload in parts through another tab', async () => {
    const tabs = await openTabs(2)
    const [leader, follower] = tabs as [Tab, Tab]
    await ask(leader, 'open', 'uploads')
    await ask(follower, 'open', 'uploads')
    const { rows, progress } = await ask<{ rows: number; progress: number[] }>(follower, 'upload', 6_000)
    expect(rows).toBe(6_000)
    expect(progress.length).toBeGreaterThan(1)
    expect(progress.at(-1)).toBe(6_000)
    const aborted = await ask<{ committedRows: number; count: number }>(follower, 'uploadAborted', 9_000)
    expect(aborted).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(aborted.committedRows).toBeLessThan(9_000)
    expect(aborted.count).toBe(6_000 + aborted.committedRows)
    await closeTabs(tabs)
  })

  test.each(TAKEN_OVER[browserName])(
    'lose nothing when the leader ends, and go on at once (%s)',
    async (storage) => {
      const tabs = await openTabs(3)
      const name = `takeovers ${storage}`
      for (const tab of tabs) expect(await ask(tab, 'open', name, { storage })).toMatchObject({ storage })
      const counts: Record<string, number> = {}
      const outages: { ending: Ending; ms: number }[] = []
      for (let round = 0; round < ROUNDS; round += 1) {
        const ending = ENDINGS[browserName][round % ENDINGS[browserName].length] as Ending
        const leader = await leaderOf(tabs)
        const process_ =
          ending === 'closed'
            ? 0
            : await busiestProcess(browser.processId, () =>
                leader.page.evaluate('{ const end = Date.now() + 250; while (Date.now() < end); }'),
              )
        site.said.length = 0
        for (const tab of tabs) await ask(tab, 'start', writerOf(tab, round), true)
        await sleep(WRITING_MS)
        const others = tabs.filter((tab) => tab !== leader)
        const stopWriting = async (writers: readonly Tab[], suffix: string): Promise<Written[]> => {
          const all: Written[] = []
          for (const tab of writers) {
            const written = await ask<Written>(tab, 'stop')
            expect(written.errors).toEqual([])
            counts[writerOf(tab, round) + suffix] = written.acknowledgedMs.length
            all.push(written)
          }
          return all
        }
        if (ending === 'stopped') {
          // As browsers do it: no page is frozen while it has a transaction open, which all others would wait for.
          await stopWriting(tabs, '')
          await sleep(WRITING_MS)
        }
        const suffix = ending === 'stopped' ? ', again' : ''
        const endedMs = Date.now()
        if (ending === 'closed') await leader.page.close()
        else process.kill(process_, ending === 'killed' ? 'SIGKILL' : 'SIGSTOP')
        if (ending === 'stopped') {
          for (const tab of others) await ask(tab, 'start', writerOf(tab, round) + suffix, true)
        } else {
          tabs.splice(tabs.indexOf(leader), 1)
        }
        await answeredAfter(others, endedMs)
        await sleep(WRITING_MS)
        if (ending === 'stopped') {
          process.kill(process_, 'SIGCONT')
          // Its own calls go on, through the leader of now.
          await ask(leader, 'start', writerOf(leader, round) + suffix, true)
          await answeredAfter([leader], endedMs)
          expect(await ask(leader, 'role')).toBe('follower')
          await stopWriting([leader], suffix)
        }
        for (const { acknowledgedMs } of await stopWriting(others, suffix)) {
          outages.push({ ending, ms: outageOf(acknowledgedMs, endedMs) })
        }
        if (ending !== 'stopped') {
          const writer = writerOf(leader, round)
          counts[writer] = site.said.filter((said) => (said as { tab: string }).tab === writer).length
          const tab = await openTab()
          tabs.push(tab)
          expect(await ask(tab, 'open', name, { storage })).toMatchObject({ role: 'follower' })
        }
        expect(await ask(tabs[round % tabs.length] as Tab, 'check', counts), `round ${round}`).toBeNull()
      }
      print(`${browserName}, ${storage}`, browserName, outages)
      expect(Math.max(...outages.map(({ ms }) => ms))).toBeLessThan(TAKEOVER_MS_MAX)
      await closeTabs(tabs)
    },
    ROUND_MS_MAX * (ROUNDS + 1),
  )
})

function writerOf(tab: Tab, round: number): string {
  return `${tab.name} round ${round}`
}

async function leaderOf(tabs: readonly Tab[]): Promise<Tab> {
  for (const tab of tabs) if ((await ask(tab, 'role')) === 'leader') return tab
  throw new Error('no tab leads')
}

/** Until each tab was acknowledged a write that began after this time. */
async function answeredAfter(tabs: readonly Tab[], timeMs: number): Promise<void> {
  for (const tab of tabs) {
    for (;;) {
      const { acknowledgedMs, errors } = await ask<Written>(tab, 'written')
      if (errors.length > 0) throw new Error(errors.join('; '))
      // The first may have been on its way.
      if (acknowledgedMs.filter((each) => each > timeMs).length > 1) break
      if (Date.now() - timeMs > ROUND_MS_MAX) throw new Error(`${tab.name} is not answered`)
      await sleep(20)
    }
  }
}

/** The longest time after `endedMs` without an acknowledgement. */
function outageOf(acknowledgedMs: readonly number[], endedMs: number): number {
  const before = acknowledgedMs.findLast((each) => each <= endedMs) ?? endedMs
  const times = [Math.max(before, endedMs), ...acknowledgedMs.filter((each) => each > endedMs)]
  return Math.max(...times.slice(1).map((each, i) => each - (times[i] as number)))
}

function print(
  label: string,
  browserName: BrowserName,
  outages: readonly { ending: Ending; ms: number }[],
): void {
  for (const ending of ENDINGS[browserName]) {
    const sorted = outages
      .filter((each) => each.ending === ending)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b)
    if (sorted.length === 0) continue
    const median = sorted[Math.floor(sorted.length / 2)]
    const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1]
    console.log(`${label}, leader ${ending}: ${sorted.length} outages, median ${median} ms, p99 ${p99} ms`)
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}
