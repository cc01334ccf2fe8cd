import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { nodeFsStorage } from '../../storage/node-fs.js'
import { noteEndedThread } from '../../storage/node-process-identity.js'
import { bundleFsClient, FsClient } from './fs-client-process.js'

const HEAD = new Uint8Array([1])

describe('the lock of a folder', () => {
  let script: string
  let root: string
  let folder: string
  beforeAll(async () => {
    script = await bundleFsClient()
  })
  afterAll(() => rm(dirname(script), { recursive: true }))
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'omendb-lock-'))
    folder = join(root, 'db')
  })
  afterEach(() => rm(root, { recursive: true }))

  async function lockFile(): Promise<string> {
    const names = await readdir(join(folder, 'lock'))
    expect(names).toHaveLength(1)
    return join(folder, 'lock', names[0]!)
  }

  test('holds against another process, and ends with it', async () => {
    const client = new FsClient(script, 'hold', folder)
    expect(await client.hear(1)).toEqual(['open'])
    await expect(nodeFsStorage().open(folder, 'write')).rejects.toMatchObject({ code: 'LOCKED' })
    await client.kill()
    const session = await nodeFsStorage().open(folder, 'write')
    const late = new FsClient(script, 'hold', folder)
    expect(await late.hear(1)).toEqual(['LOCKED'])
    await late.kill()
    await session.close()
  })

  test('of processes that find it stale one takes it over', async () => {
    const holder = new FsClient(script, 'hold', folder)
    await holder.hear(1)
    await holder.kill()
    const clients = Array.from({ length: 6 }, () => new FsClient(script, 'hold', folder))
    const said = await Promise.all(clients.map(async (client) => (await client.hear(1))[0]))
    await Promise.all(clients.map((client) => client.kill()))
    expect(said.sort()).toEqual(['LOCKED', 'LOCKED', 'LOCKED', 'LOCKED', 'LOCKED', 'open'])
  })

  test('holds against another thread; that of a terminated thread expires', async () => {
    const worker = new Worker(script, { workerData: ['hold', folder] })
    const said = await new Promise((resolve) => worker.once('message', resolve))
    expect(said).toBe('open')
    await expect(nodeFsStorage().open(folder, 'write')).rejects.toMatchObject({ code: 'LOCKED' })
    await worker.terminate()
    await expect(nodeFsStorage().open(folder, 'write')).rejects.toMatchObject({ code: 'LOCKED' })
    const longAgo = new Date(Date.now() - 31_000)
    await utimes(await lockFile(), longAgo, longAgo)
    await (await nodeFsStorage().open(folder, 'write')).close()
  })

  test('of a thread whose end was noted is taken over at once, by this thread and those it starts', async () => {
    for (const next of ['this thread', 'another thread']) {
      const holder = new Worker(script, { workerData: ['hold', folder] })
      const { threadId } = holder
      await new Promise((resolve) => holder.once('message', resolve))
      await holder.terminate()
      noteEndedThread(threadId)
      if (next === 'this thread') {
        await (await nodeFsStorage().open(folder, 'write')).close()
      } else {
        const heir = new Worker(script, { workerData: ['hold', folder] })
        expect(await new Promise((resolve) => heir.once('message', resolve))).toBe('open')
        await heir.terminate()
      }
    }
  })

  test('of a process on another machine holds while it is touched', async () => {
    await (await nodeFsStorage().open(folder, 'write')).close()
    const record = {
      machine: 'elsewhere',
      processId: 1,
      startTime: '',
      thread: 0,
      token: 't',
      released: false,
    }
    await writeFile(await lockFile(), JSON.stringify(record))
    await expect(nodeFsStorage().open(folder, 'write')).rejects.toMatchObject({ code: 'LOCKED' })
    const longAgo = new Date(Date.now() - 31_000)
    await utimes(await lockFile(), longAgo, longAgo)
    await (await nodeFsStorage().open(folder, 'write')).close()
  })

  test('of a process whose id another one has now is stale', async () => {
    const session = await nodeFsStorage().open(folder, 'write')
    const path = await lockFile()
    await session.close()
    // The process that started this one runs, but it did not start when the holder did.
    const { machine } = JSON.parse(await readFile(await lockFile(), 'utf8')) as { machine: string }
    expect(path).not.toBe(await lockFile())
    const record = {
      machine,
      processId: process.ppid,
      startTime: '1',
      thread: 0,
      token: 't',
      released: false,
    }
    await writeFile(await lockFile(), JSON.stringify(record))
    await (await nodeFsStorage().open(folder, 'write')).close()
  })

  test('that cannot be read is stale', async () => {
    await (await nodeFsStorage().open(folder, 'write')).close()
    for (const text of ['', '{', 'null', '{"processId":"x"}']) {
      await writeFile(await lockFile(), text)
      await (await nodeFsStorage().open(folder, 'write')).close()
    }
  })

  test('given up late stays with its new holder', async () => {
    const old = await nodeFsStorage().open(folder, 'write')
    await old.compareAndSetHead(null, HEAD)
    await rm(await lockFile())
    const next = await nodeFsStorage().open(folder, 'write')
    await old.close()
    await expect(nodeFsStorage().open(folder, 'write')).rejects.toMatchObject({ code: 'LOCKED' })
    await next.put([{ name: 'd-1', bytes: HEAD }], HEAD)
    await next.close()
  })
})

describe('a folder that goes away or refuses', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'omendb-gone-'))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  test('removed under a session is STORAGE_FAILED, not an empty database', async () => {
    const folder = join(root, 'db')
    const writer = await nodeFsStorage().open(folder, 'write')
    await writer.compareAndSetHead(null, HEAD)
    await writer.put([{ name: 'd-1', bytes: HEAD }], HEAD)
    const reader = await nodeFsStorage().open(folder, 'read')
    await reader.readHead()
    await rm(folder, { recursive: true })
    for (const session of [writer, reader]) {
      await expect(session.readHead()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
      await expect(session.get('d-1')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
      await expect(session.list('')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    }
    await expect(writer.put([{ name: 'd-2', bytes: HEAD }], HEAD)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    })
    await writer.close()
    await reader.close()
  })

  test('where a file has its name is STORAGE_FAILED, where no file can have it LIMIT_EXCEEDED', async () => {
    await writeFile(join(root, 'file'), 'not a folder')
    await expect(nodeFsStorage().open(join(root, 'file'), 'write')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    })
    await expect(nodeFsStorage().open(join(root, 'x'.repeat(300), 'y'), 'write')).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    })
  })
})
