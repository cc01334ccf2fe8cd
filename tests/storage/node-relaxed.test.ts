import { mkdtemp, readdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StorageSession } from '../../storage/contract.js'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { pattern } from './contract-environment.js'

const HEAD = new Uint8Array([1])
const RELAXED = { relaxed: true }

/** What a loss of power may do to files that were not synced is done to them by hand. */
describe('relaxed objects of a folder after a loss of power', () => {
  let root: string
  let database: string
  let session: StorageSession
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'omendb-relaxed-'))
    database = join(root, 'db')
    session = await nodeFsStorage().open(database, 'write')
    await session.compareAndSetHead(null, HEAD)
  })
  afterEach(async () => {
    await session.close()
    await rm(root, { recursive: true })
  })

  async function put(from: number, to: number, relaxed = true): Promise<void> {
    for (let i = from; i <= to; i++)
      await session.put([{ name: `w-${i}`, bytes: pattern(5_000, i) }], HEAD, { relaxed })
  }

  /** The path of a relaxed object's file. */
  async function fileOf(name: string): Promise<string> {
    const folder = join(database, 'relaxed')
    const file = (await readdir(folder)).find((each) => each.endsWith(`-${name}`))
    return join(folder, file!)
  }

  /** What the next writer finds once `damage` has been done. */
  async function namesAfter(damage: () => Promise<void>): Promise<string[]> {
    // The process ends without a word: its lock is stale, its files are as they are.
    await damage()
    for (const file of await readdir(join(database, 'lock'))) await unlink(join(database, 'lock', file))
    const next = await nodeFsStorage().open(database, 'write')
    const names = (await next.list('')).sort()
    for (const name of names) {
      expect(await next.get(name)).toEqual(pattern(5_000, Number(name.slice(2))))
    }
    expect(await readdir(join(database, 'relaxed'))).toEqual([])
    await next.close()
    return names
  }

  test('are all there when nothing was lost', async () => {
    await put(1, 4)
    expect(await namesAfter(async () => undefined)).toEqual(['w-1', 'w-2', 'w-3', 'w-4'])
  })

  test.each([
    ['whose name was lost', (path: string) => unlink(path)],
    ['that is empty', (path: string) => truncate(path, 0)],
    ['that is short', (path: string) => truncate(path, 4_999)],
    [
      'with zeros in it',
      async (path: string) => {
        const bytes = await readFile(path)
        bytes.fill(0, 1_000, 1_512)
        await writeFile(path, bytes)
      },
    ],
  ])('end before the first one %s', async (_, damage) => {
    await put(1, 5)
    expect(await namesAfter(async () => damage(await fileOf('w-3')))).toEqual(['w-1', 'w-2'])
  })

  test('begin after the last sync, also where the first one is lost', async () => {
    await put(1, 3)
    await session.sync()
    expect((await readdir(join(database, 'objects'))).sort()).toEqual(['w-1', 'w-2', 'w-3'])
    await put(4, 6)
    expect(await namesAfter(async () => unlink(await fileOf('w-4')))).toEqual(['w-1', 'w-2', 'w-3'])
  })

  test('are durable before a strict put is', async () => {
    await put(1, 2)
    await put(3, 3, false)
    expect(await readdir(join(database, 'relaxed'))).toEqual([])
    expect((await readdir(join(database, 'objects'))).sort()).toEqual(['w-1', 'w-2', 'w-3'])
  })

  test('leave no gap when one of them is deleted', async () => {
    await put(1, 3)
    await session.delete(['w-2'])
    await put(4, 5)
    expect(await namesAfter(async () => undefined)).toEqual(['w-1', 'w-3', 'w-4', 'w-5'])
  })

  test('whose old names come back after a sync are there once', async () => {
    await put(1, 2)
    const old = await fileOf('w-1')
    const bytes = await readFile(old)
    await session.sync()
    await put(3, 3)
    expect(await namesAfter(() => writeFile(old, bytes))).toEqual(['w-1', 'w-2', 'w-3'])
  })

  test('of a writer that was taken over are the next one’s until it sets the head', async () => {
    await put(1, 1)
    for (const file of await readdir(join(database, 'lock'))) await unlink(join(database, 'lock', file))
    const next = await nodeFsStorage().open(database, 'write')
    await put(2, 3)
    expect(await next.compareAndSetHead(HEAD, new Uint8Array([2]))).toBe(true)
    expect((await next.list('')).sort()).toEqual(['w-1', 'w-2', 'w-3'])
    await expect(session.put([{ name: 'w-4', bytes: HEAD }], HEAD, RELAXED)).rejects.toMatchObject({
      code: 'LOCKED',
    })
    await next.delete(['w-2'])
    expect((await next.list('')).filter((name) => name !== 'w-4').sort()).toEqual(['w-1', 'w-3'])
    await next.close()
  })
})
