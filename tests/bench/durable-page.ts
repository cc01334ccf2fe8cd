/** The page of `durable.ts`: the package as it is served, and what its storages take without it. */
import { exposeCalls } from '../browser/page-calls.js'
import {
  measureDurable,
  makeVectors,
  type DurableFigures,
  type Open,
  type Shape,
} from './durable-workload.js'

const CHUNK_BYTES = 8 << 20

let vectors: Float32Array | null = null

exposeCalls('durableBench', {
  async measure(storage: 'opfs' | 'indexeddb', name: string, shape: Shape): Promise<DurableFigures> {
    // Not known when this page is bundled: the package is served as it is installed.
    const entry = '/dist/browser.js'
    const { open } = (await import(entry)) as { open: Open }
    vectors ??= makeVectors(shape)
    return measureDurable(open, name, { storage }, shape, vectors)
  },

  /** Bytes per second of the storage alone: chunks of 8 MiB, each durable before the next. */
  bare(storage: 'opfs' | 'indexeddb', bytes: number): Promise<number> {
    return storage === 'opfs' ? bareOpfs(bytes) : bareIndexedDb(bytes)
  },
})

/** In a worker, as only those have synchronous handles. */
async function bareOpfs(bytes: number): Promise<number> {
  const source = `onmessage = async ({ data: bytes }) => {
    const root = await navigator.storage.getDirectory()
    const file = await root.getFileHandle('bare', { create: true })
    const handle = await file.createSyncAccessHandle()
    const chunk = new Uint8Array(${CHUNK_BYTES}).fill(7)
    handle.truncate(0)
    const started = performance.now()
    for (let at = 0; at < bytes; at += chunk.length) {
      handle.write(chunk.subarray(0, Math.min(chunk.length, bytes - at)), { at })
      handle.flush()
    }
    const seconds = (performance.now() - started) / 1000
    handle.close()
    await root.removeEntry('bare')
    postMessage(bytes / seconds)
  }`
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  const worker = new Worker(url)
  try {
    return await new Promise<number>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data)
      worker.onerror = ({ message }) => reject(new Error(message))
      worker.postMessage(bytes)
    })
  } finally {
    worker.terminate()
    URL.revokeObjectURL(url)
  }
}

async function bareIndexedDb(bytes: number): Promise<number> {
  const db = await settled(indexedDB.open('bare', 1), (opening) =>
    opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore('chunks')),
  )
  const chunk = new Uint8Array(CHUNK_BYTES).fill(7)
  const started = performance.now()
  for (let at = 0; at < bytes; at += chunk.length) {
    const transaction = db.transaction('chunks', 'readwrite', { durability: 'strict' })
    transaction.objectStore('chunks').put(chunk.slice(0, Math.min(chunk.length, bytes - at)), at)
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new Error('aborted'))
    })
  }
  const seconds = (performance.now() - started) / 1000
  db.close()
  await settled(indexedDB.deleteDatabase('bare'))
  return bytes / seconds
}

function settled<R extends IDBRequest>(request: R, prepare?: (request: R) => void): Promise<R['result']> {
  prepare?.(request)
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as R['result'])
    request.onerror = () => reject(request.error ?? new Error('failed'))
  })
}
