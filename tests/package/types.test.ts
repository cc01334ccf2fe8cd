import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPackage, type InstalledPackage } from './packed-package.js'

const run = promisify(execFile)
const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url))

const PROGRAM = `
import { open, OmenError, type ErrorCode, type Hit, type StorageAdapter } from 'omendb'
import { kvStorage } from 'omendb/storage/kv'

interface Note {
  title: string
  year: number
}
const db = await open('notes', { storage: 'memory', signal: AbortSignal.timeout(1000) })
const notes = await db.collection<Note>('notes', { dimensions: 3, metric: 'cosine' })
await notes.upsert([{ id: 1n, vector: [1, 2, 3], metadata: { title: 'a', year: 2026 } }])
await notes.upsert({ ids: ['a'], vectors: new Float32Array(3), metadata: [undefined] })
// @ts-expect-error -- no such key in the metadata
await notes.upsert([{ id: 1, vector: [1, 2, 3], metadata: { name: 'a' } }])
// @ts-expect-error -- no such metric
await db.collection('other', { dimensions: 3, metric: 'euclid' })
const hits: Hit<Note>[] = await notes.search({ vector: [1, 2, 3], k: 1 })
const year: number | undefined = hits[0]?.metadata?.year
const [row] = await notes.get(['a'])
// @ts-expect-error -- a row may be missing
row.id
for await (const each of notes.list({ limit: 10 })) console.log(each.metadata?.title)
try {
  await db.close()
} catch (error) {
  if (error instanceof OmenError) {
    const code: ErrorCode = error.code
    console.log(code, year)
  }
}
declare const adapter: StorageAdapter
await open('other', { storage: adapter })
export { kvStorage }
`

let app: InstalledPackage
beforeAll(async () => {
  app = await installPackage({ 'program.ts': PROGRAM })
})
afterAll(() => app?.remove())

describe('a strict TypeScript program', () => {
  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('compiles with module %s, declarations of the package checked too', async (module, moduleResolution) => {
    const args = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--pretty',
      'false',
    ]
    const target = ['--target', 'es2022', '--lib', 'es2022,dom,dom.iterable']
    const resolution = ['--module', module, '--moduleResolution', moduleResolution]
    const result = await run(tsc, [...args, ...target, ...resolution, 'program.ts'], {
      cwd: app.folder,
    }).catch((error: unknown) => error as { stdout: string })
    expect(result.stdout).toBe('')
  })
})
