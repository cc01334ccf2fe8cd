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
})

describe('KV that refuses', () => {
  /** A namespace whose `put` fails with the messages of Cloudflare's own; everything else is a map. */
  function refusingNamespace(messages: string[]): KvNamespace {
    const values = new Map<string, Uint8Array>()
    return {
      get: async (key) => values.get(key)?.slice().buffer ?? null,
      getWithMetadata: async () => ({ value: null, metadata: null }),
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
