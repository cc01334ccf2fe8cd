import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPackage, type InstalledPackage } from './packed-package.js'

const run = promisify(execFile)
let app: InstalledPackage

// Node 20 does not parse `await using`.
const SCRIPT = `
import { open, OmenError } from 'omendb'
import { kvStorage } from 'omendb/storage/kv'

const [, , folder, mode, worker] = process.argv
const db = await open(folder, { worker: worker === 'true' })
const notes = await db.collection('notes', { dimensions: 4, metric: 'cosine' })
if (mode === 'write') {
  await notes.upsert({
    ids: ['a', 2, 3n], vectors: new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]), metadata: [{ x: 1 }, undefined, 'z'],
  })
}
const hits = await notes.search({ vector: [0.1, 1, 0, 0], k: 9 })
const { engine, storage } = await db.stats()
const failure = await notes.search({ vector: [1], k: 1 }).catch((error) => [error instanceof OmenError, error.name, error.code])
console.log(JSON.stringify({
  ids: hits.map(({ id }) => String(id)), metadata: hits.map(({ metadata }) => metadata ?? null), engine, storage, failure,
  kv: typeof kvStorage,
}))
await db.close()
`

const DYING_SCRIPT = `
import { Worker } from 'node:worker_threads'

const threads = new Set()
const { postMessage } = Worker.prototype
Worker.prototype.postMessage = function (...given) {
  threads.add(this)
  return postMessage.apply(this, given)
}
const { open } = await import('omendb')
const db = await open('./data-dying')
const notes = await db.collection('notes', { dimensions: 1, metric: 'l2' })
await notes.upsert([{ id: 'kept', vector: [1] }])
const pending = db.stats().catch((error) => error.code)
for (const thread of threads) thread.terminate()
const found = [await pending]
for (const worker of [true, false]) {
  const again = await open('./data-dying', { worker })
  found.push((await again.stats()).engine, await (await again.collection('notes')).count())
  await again.close()
}
await db.close()
console.log(JSON.stringify(found))
`

beforeAll(async () => {
  app = await installPackage({ 'main.js': SCRIPT, 'dying.js': DYING_SCRIPT })
})
afterAll(() => app?.remove())

describe('in Node', () => {
  it.each([
    ['worker', true],
    ['in-place', false],
  ] as const)('keeps a database in a folder, engine: %s', async (engine, worker) => {
    const expected = {
      ids: ['2', 'a', '3'],
      metadata: [null, { x: 1 }, 'z'],
      engine,
      storage: 'fs',
      failure: [true, 'DimensionMismatchError', 'DIMENSION_MISMATCH'],
      kv: 'function',
    }
    for (const mode of ['write', 'read']) {
      const { stdout, stderr } = await run(
        process.execPath,
        ['main.js', `./data-${engine}`, mode, String(worker)],
        {
          cwd: app.folder,
        },
      )
      expect(stderr).toBe('')
      expect(JSON.parse(stdout)).toEqual(expected)
    }
  })

  it('opens again at once after the thread of its engine died', async () => {
    const { stdout, stderr } = await run(process.execPath, ['dying.js'], { cwd: app.folder })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual(['ENGINE_FAILED', 'worker', 1, 'in-place', 1])
  })
})
