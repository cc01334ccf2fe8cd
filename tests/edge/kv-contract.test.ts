import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kvStorage } from '../../storage/kv.js'
import type { KvNamespace } from '../../storage/kv-namespace.js'
import { CONTRACT_CASES } from '../storage/contract-suite.js'

/** Cases that ask for what the adapter states it does not have. */
const NOT_PROMISED = 'not run: '

describe('KV in workerd', () => {
  let worker: Miniflare

  beforeAll(async () => {
    const bundle = await build({
      entryPoints: [fileURLToPath(new URL('contract-worker.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      target: 'es2022',
      write: false,
    })
    worker = new Miniflare({
      modules: true,
      script: bundle.outputFiles[0]!.text,
      compatibilityDate: '2026-04-01',
      kvNamespaces: ['NAMESPACE'],
    })
    await worker.ready
  })
  afterAll(() => worker.dispose())

  test.for(CONTRACT_CASES.map(({ name }) => name))('%s', async (name, { skip }) => {
    const response = await worker.dispatchFetch(`http://localhost/?case=${encodeURIComponent(name)}`)
    const failure = (await response.json()) as string | null
    if (failure?.startsWith(NOT_PROMISED)) skip(failure)
    expect(failure).toBeNull()
  })

  test('two writers are noticed, not prevented', async () => {
    const namespace = (await worker.getKVNamespace('NAMESPACE')) as unknown as KvNamespace
    const [first, second] = await Promise.all([
      kvStorage(namespace).open('two', 'write'),
      kvStorage(namespace).open('two', 'write'),
    ])
    expect(await first.compareAndSetHead(null, new Uint8Array([1]))).toBe(true)
    expect(await second.compareAndSetHead(new Uint8Array([1]), new Uint8Array([2]))).toBe(true)
    await expect(
      first.put([{ name: 'd-1', bytes: new Uint8Array(1) }], new Uint8Array([1])),
    ).rejects.toMatchObject({
      code: 'LOCKED',
    })
  })

  /** A place that has not seen yet that the database has a head. */
  function staleView(namespace: KvNamespace): KvNamespace {
    const absent = { value: null, metadata: null }
    return {
      get: async (key, type) => (key.endsWith('/h') ? null : namespace.get(key, type)),
      getWithMetadata: async (key, type) =>
        key.endsWith('/h') ? absent : namespace.getWithMetadata(key, type),
      put: (key, value, options) => namespace.put(key, value, options),
      delete: (key) => namespace.delete(key),
      list: (options) => namespace.list(options),
    }
  }

  test('a second writer at a place behind the times overwrites no object, and the first one notices it', async () => {
    const namespace = (await worker.getKVNamespace('NAMESPACE')) as unknown as KvNamespace
    const head = new Uint8Array([1])
    const first = await kvStorage(namespace).open('stale', 'write')
    expect(await first.compareAndSetHead(null, head)).toBe(true)
    await first.put([{ name: 'w-1-1', bytes: new Uint8Array([7]) }], head)

    const second = await kvStorage(staleView(namespace)).open('stale', 'write')
    expect(await second.compareAndSetHead(null, head)).toBe(true)
    const bytes = new Uint8Array([8])
    await expect(second.put([{ name: 'w-1-1', bytes }], head)).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await first.get('w-1-1')).toEqual(new Uint8Array([7]))

    // The bytes of the head are what they were, but they are the second writer's.
    await expect(first.put([{ name: 'w-1-2', bytes }], head)).rejects.toMatchObject({ code: 'LOCKED' })
    expect(await first.compareAndSetHead(head, new Uint8Array([2]))).toBe(false)
  })

  test('a name is taken once, also where another one begins with it', async () => {
    const namespace = (await worker.getKVNamespace('NAMESPACE')) as unknown as KvNamespace
    const session = await kvStorage(namespace).open('taken', 'write')
    const head = new Uint8Array([1])
    await session.compareAndSetHead(null, head)
    await session.put([{ name: 'd-10', bytes: new Uint8Array(1) }], head)
    await session.put([{ name: 'd-1', bytes: new Uint8Array(2) }], head)
    for (const name of ['d-1', 'd-10']) {
      const again = session.put([{ name, bytes: new Uint8Array(3) }], head)
      await expect(again).rejects.toMatchObject({ code: 'LOCKED' })
    }
    expect(await session.get('d-1')).toEqual(new Uint8Array(2))
    await session.delete(['d-1'])
    await session.put([{ name: 'd-1', bytes: new Uint8Array(3) }], head)
    expect(await session.get('d-1')).toEqual(new Uint8Array(3))
  })
})

describe('KV that refuses', () => {
  /** A namespace whose `put` fails with the messages of Cloudflare's own; everything else is a map. */
  function refusingNamespace(messages: string[]): KvNamespace {
    const values = new Map<string, Uint8Array>()
    return {
      get: async (key) => values.get(key)?.slice().buffer ?? null,
      getWithMetadata: async (key) => ({ value: values.get(key)?.slice().buffer ?? null, metadata: null }),
      put: async (key, value) => {
        const message = messages.shift()
        if (message !== undefined) throw new Error(message)
        values.set(key, value)
      },
      delete: async () => undefined,
      list: async () => ({ list_complete: true, keys: [] }),
    }
  }

  test('a head written twice within a second is sent again', async () => {
    const namespace = refusingNamespace(['KV PUT failed: 429 Too Many Requests'])
    const session = await kvStorage(namespace).open('paced', 'write')
    expect(await session.compareAndSetHead(null, new Uint8Array([1]))).toBe(true)
    expect(await session.readHead()).toEqual(new Uint8Array([1]))
  })

  test('a used-up daily limit is QUOTA_EXCEEDED', async () => {
    const namespace = refusingNamespace(['KV put() limit exceeded for the day.'])
    const session = await kvStorage(namespace).open('used-up', 'write')
    await expect(session.compareAndSetHead(null, new Uint8Array([1]))).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    })
    expect(await session.readHead()).toBeNull()
  })

  test('anything else is STORAGE_FAILED with its cause', async () => {
    const session = await kvStorage(refusingNamespace(['KV PUT failed: 500'])).open('failing', 'write')
    await expect(session.compareAndSetHead(null, new Uint8Array([1]))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      cause: { message: 'KV PUT failed: 500' },
    })
  })
})
