/**
 * A small page that uses the package as an application does, and the conversation with it that every way of serving it
 * has to pass: write, search, reload, find everything again.
 */
import { expect } from 'vitest'
import type { BrowserPage } from '../browser/browser-harness.js'

/** The page's module; `globalThis` is what a test can call. */
export const PAGE_SCRIPT = `
import { open, OmenError } from 'omendb'

globalThis.write = async (name, options) => {
  await using db = await open(name, options)
  const notes = await db.collection('notes', { dimensions: 4, metric: 'l2' })
  await notes.upsert([
    { id: 'a', vector: [1, 0, 0, 0], metadata: { title: 'first' } },
    { id: 2, vector: new Float32Array([0, 1, 0, 0]) },
    { id: 3n, vector: [0, 0, 1, 0], metadata: 'third' },
  ])
  return await answer(db, notes)
}
globalThis.read = async (name, options) => {
  await using db = await open(name, options)
  return await answer(db, await db.collection('notes', { dimensions: 4, metric: 'l2' }))
}
globalThis.fail = async () => {
  const db = await open('failing', { storage: 'memory' })
  const notes = await db.collection('notes', { dimensions: 4, metric: 'l2' })
  try {
    await notes.upsert([{ id: 'a', vector: [1] }])
  } catch (error) {
    return { ours: error instanceof OmenError, name: error.name, code: error.code }
  } finally {
    await db.close()
  }
}
async function answer(db, notes) {
  const hits = await notes.search({ vector: [0, 0.9, 0.1, 0], k: 2 })
  const { engine, storage, workerFallback, simd } = await db.stats()
  return {
    ids: hits.map(({ id }) => String(id)), metadata: hits.map(({ metadata }) => metadata ?? null),
    count: await notes.count(), engine, storage, workerFallback: workerFallback ?? null, simd,
  }
}
globalThis.ready = true
`

export const PAGE_HTML = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>app</title><link rel="icon" href="data:,"></head>
<body><script type="module" src="./main.js"></script></body></html>
`

export async function expectWorkingPage(page: BrowserPage): Promise<void> {
  await pageIsReady(page)
  for (const [engine, worker] of [
    ['worker', true],
    ['in-place', false],
  ] as const) {
    const expected = {
      ids: ['2', '3'],
      metadata: [null, 'third'],
      count: 3,
      engine,
      storage: 'indexeddb',
      workerFallback: null,
      simd: 'relaxed-simd',
    }
    const args = JSON.stringify([engine, { worker }])
    expect(await page.evaluate(`globalThis.write(...${args})`)).toEqual(expected)
    await page.reload()
    await pageIsReady(page)
    expect(await page.evaluate(`globalThis.read(...${args})`)).toEqual(expected)
  }
  expect(await page.evaluate('globalThis.fail()')).toEqual({
    ours: true,
    name: 'DimensionMismatchError',
    code: 'DIMENSION_MISMATCH',
  })
  const idbfs = JSON.stringify(['through-idbfs', { storage: 'idbfs' }])
  expect(await page.evaluate(`globalThis.write(...${idbfs})`)).toMatchObject({ storage: 'idbfs', count: 3 })
  expect(await page.evaluate(`globalThis.read(...${idbfs})`)).toMatchObject({ storage: 'idbfs', count: 3 })
  const opfs = JSON.stringify(['through-opfs', { storage: 'opfs' }])
  expect(await page.evaluate(`globalThis.write(...${opfs})`)).toMatchObject({ storage: 'opfs', count: 3 })
  expect(await page.evaluate(`globalThis.read(...${opfs})`)).toMatchObject({ storage: 'opfs', count: 3 })
  expect(page.errors).toEqual([])
}

/** The module runs after the document's load event when a dev server transforms it first. */
async function pageIsReady(page: BrowserPage): Promise<void> {
  await page.playwright?.waitForFunction('globalThis.ready === true')
}
