/** In the page: one engine, chosen by the runner. `bench` on globalThis answers what a session is asked. */
import { driveEngine, reasonOf, type Session } from '../drive.js'
import { engineById } from '../engines/all.js'
import type { Host, Store } from '../engines/contract.js'
import { BASE_FILE, QUERIES_FILE, type SetFiles } from './place.js'

/** Objects in IndexedDB, one transaction each, strictly durable. */
const store: Store = {
  place: 'omendb-bench',
  async put(name, bytes) {
    const db = await openDatabase()
    const transaction = db.transaction('objects', 'readwrite', { durability: 'strict' })
    transaction.objectStore('objects').put(bytes, name)
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new Error('aborted'))
    })
    db.close()
  },
  async get(name) {
    const db = await openDatabase()
    const bytes: unknown = await settled(db.transaction('objects').objectStore('objects').get(name))
    db.close()
    if (!(bytes instanceof Uint8Array)) throw new Error(`nothing is stored as ${name}`)
    return bytes
  },
  sizeBytes: async () => (await navigator.storage.estimate()).usage ?? 0,
}

function openDatabase(): Promise<IDBDatabase> {
  const opening = indexedDB.open('omendb-bench-store', 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore('objects')
  return settled(opening)
}

function settled<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('failed'))
  })
}

const host: Host = {
  kind: 'page',
  store,
  module: (path) => import(`/${path}`) as Promise<unknown>,
  bytes: async (path) => new Uint8Array(await (await fetch(`/${path}`)).arrayBuffer()),
  url: (path) => new URL(`/${path}`, location.href),
}

async function floats(name: string): Promise<Float32Array> {
  return new Float32Array(await (await fetch(`/data/${name}`)).arrayBuffer())
}

let session: Session | null = null
const bench = {
  open(engine: string, files: SetFiles): void {
    session = driveEngine(
      engineById(engine),
      host,
      files,
      files.graph,
      { base: () => floats(BASE_FILE), queries: () => floats(QUERIES_FILE) },
      { cpuSeconds: () => null, residentBytes: () => null },
    )
  },
  /** Errors travel as text: drivers of browsers shorten them each in their own way. */
  async call(command: keyof Session, args: number[]): Promise<unknown> {
    try {
      if (session === null) throw new Error('no engine is open')
      const asked = session as Record<keyof Session, (...given: number[]) => Promise<unknown>>
      return (await asked[command](...args)) ?? {}
    } catch (error) {
      return { error: reasonOf(error) }
    }
  },
}
Object.assign(globalThis, { bench })
