import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { StorageSession } from '../../storage/contract.js'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { assertBytes, pattern } from './contract-environment.js'

const HEAD = pattern(3_000, 1)
const SIZE_BYTES = 200_000

/** A file system of 4 MiB of its own; null where this process may not mount one. */
function mountSmallDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'omendb-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' })
    return folder
  } catch {
    return null
  }
}

const disk = mountSmallDisk()

describe.skipIf(disk === null)('a folder on a full disk', () => {
  const root = disk ?? ''
  let number = 0
  let database: string
  beforeEach(async () => {
    for (const name of await readdir(root)) await rm(join(root, name), { recursive: true })
    database = join(root, `db-${number++}`)
  })
  afterAll(async () => {
    execFileSync('umount', ['--lazy', root])
    await rm(root, { recursive: true })
  })

  /** Puts objects until one is refused; answers how many are there. */
  async function fill(session: StorageSession, relaxed: boolean): Promise<number> {
    for (let i = 0; ; i++) {
      try {
        await session.put([{ name: `d-${i}`, bytes: pattern(SIZE_BYTES, i) }], HEAD, { relaxed })
      } catch (error) {
        expect(error).toMatchObject({ code: 'QUOTA_EXCEEDED' })
        return i
      }
    }
  }

  async function expectObjects(session: StorageSession, count: number): Promise<void> {
    expect(await session.readHead()).toEqual(HEAD)
    expect((await session.list('')).length).toBe(count)
    for (let i = 0; i < count; i++)
      assertBytes(await session.get(`d-${i}`), pattern(SIZE_BYTES, i), `object ${i}`)
  }

  test.each([false, true])('refuses puts and keeps what it has (relaxed: %s)', async (relaxed) => {
    const session = await nodeFsStorage().open(database, 'write')
    await session.compareAndSetHead(null, HEAD)
    const count = await fill(session, relaxed)
    expect(count).toBeGreaterThan(10)
    await expectObjects(session, count)
    await session.sync()

    // Room again: the refused one goes in, and so does what comes after.
    await session.delete([`d-${count - 1}`, `d-${count - 2}`, `d-${count}`])
    for (const i of [count - 2, count - 1]) {
      await session.put([{ name: `e-${i}`, bytes: pattern(SIZE_BYTES, i) }], HEAD, { relaxed })
    }
    await session.delete([`e-${count - 1}`, `e-${count - 2}`])
    await expectObjects(session, count - 2)
    await session.close()
    const reopened = await nodeFsStorage().open(database, 'write')
    await expectObjects(reopened, count - 2)
    await reopened.close()
  })

  test('refuses a head and keeps the one it has', async () => {
    const session = await nodeFsStorage().open(database, 'write')
    await session.compareAndSetHead(null, HEAD)
    // To the last byte, which leaves no room for a head.
    await writeFile(join(root, 'other'), new Uint8Array(8_000_000)).catch(() => undefined)
    await expect(session.compareAndSetHead(HEAD, pattern(3_000, 2))).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    })
    expect(await session.readHead()).toEqual(HEAD)
    // Deleting takes no room.
    await session.delete(['d-0'])
    await rm(join(root, 'other'))
    expect(await session.compareAndSetHead(HEAD, pattern(3_000, 2))).toBe(true)
    await session.close()
  })

  test('can still be opened to read, and says so when it cannot be opened to write', async () => {
    const session = await nodeFsStorage().open(database, 'write')
    await session.compareAndSetHead(null, HEAD)
    await session.close()
    await writeFile(join(root, 'other'), new Uint8Array(8_000_000)).catch(() => undefined)
    const reader = await nodeFsStorage().open(database, 'read')
    expect(await reader.readHead()).toEqual(HEAD)
    await reader.close()
    await expect(nodeFsStorage().open(database, 'write')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await rm(join(root, 'other'))
    await (await nodeFsStorage().open(database, 'write')).close()
  })
})
