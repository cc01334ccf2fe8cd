import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { build } from 'esbuild'
import { installPackage, type InstalledPackage } from './packed-package.js'

let app: InstalledPackage

const WORKER = `
import { open } from 'omendb'

export default {
  async fetch() {
    await using db = await open('edge', { storage: 'memory' })
    const notes = await db.collection('notes', { dimensions: 4, metric: 'dot' })
    await notes.upsert([
      { id: 'a', vector: [1, 0, 0, 0] },
      { id: 'b', vector: [0, 2, 0, 0], metadata: { title: 'second' } },
    ])
    const hits = await notes.search({ vector: [0, 1, 0, 0], k: 1 })
    const { engine, storage } = await db.stats()
    return Response.json({ hits, engine, storage })
  },
}
`

beforeAll(async () => {
  app = await installPackage({ 'worker.js': WORKER })
})
afterAll(() => app?.remove())

describe('in workerd', () => {
  it('runs in place with wasm as an imported module', async () => {
    // As wrangler bundles: the workerd condition, and wasm left as an import.
    await build({
      absWorkingDir: app.folder,
      entryPoints: ['worker.js'],
      outfile: 'out/worker.js',
      bundle: true,
      format: 'esm',
      target: 'es2022',
      conditions: ['workerd', 'worker', 'browser'],
      loader: { '.wasm': 'copy' },
      assetNames: '[name]',
      logLevel: 'warning',
    })
    const folder = join(app.folder, 'out')
    const moduleOf = async (type: 'ESModule' | 'CompiledWasm', name: string) => ({
      type,
      path: join(folder, name),
      contents: await readFile(join(folder, name)),
    })
    const flare = new Miniflare({
      modulesRoot: folder,
      modules: [
        await moduleOf('ESModule', 'worker.js'),
        await moduleOf('CompiledWasm', 'core-simd.wasm'),
        await moduleOf('CompiledWasm', 'core-relaxed.wasm'),
      ],
      compatibilityDate: '2026-04-01',
    })
    const response = await flare.dispatchFetch('http://localhost/')
    expect(await response.json()).toEqual({
      hits: [{ id: 'b', distance: -2, score: 2, metadata: { title: 'second' } }],
      engine: 'in-place',
      storage: 'memory',
    })
    await flare.dispose()
  })
})
