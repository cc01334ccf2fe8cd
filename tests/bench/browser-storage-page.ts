/** The page of `browser-storage.ts`: one round of measurements of one adapter, in milliseconds. */
import { pattern } from '../storage/contract-environment.js'
import { type AdapterName, createAdapter } from '../browser/page-adapters.js'
import { exposeCalls } from '../browser/page-calls.js'
import type { StorageSession } from '../../storage/contract.js'

export interface Round {
  /** Median of putting one 4 KiB object, in a new database and beside 1,000 objects. */
  commitMs: number
  commitBesideManyMs: number
  /** The same in a new database, relaxed. */
  relaxedCommitMs: number
  /** 32 MiB as 8 objects: in one put, read back, and read back after opening again. */
  putMs: number
  readMs: number
  /** Open to write, read the head, list the names, read all objects: what a reload waits for. */
  reopenMs: number
}

const HEAD = new Uint8Array(64)
const FRAME = pattern(4_096, 1)
const COMMITS = 60
const MANY = 1_000
const SEGMENTS = 8
const SEGMENT_BYTES = 4 * 1024 * 1024

let kept: StorageSession | undefined

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}

async function medianCommit(session: StorageSession, letter: string, relaxed = false): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < COMMITS; i++) {
    times.push(await time(() => session.put([{ name: `${letter}-${i}`, bytes: FRAME }], HEAD, { relaxed })))
  }
  return median(times)
}

exposeCalls('storageBench', {
  async round(adapterName: AdapterName, number: number): Promise<Round> {
    const adapter = createAdapter(adapterName)
    const small = await adapter.open(`bench small ${number}`, 'write')
    await small.compareAndSetHead(null, HEAD)
    const commitMs = await medianCommit(small, 'a')
    const relaxedCommitMs = await medianCommit(small, 'r', true)
    const many = Array.from({ length: MANY }, (_, i) => ({ name: `m-${i}`, bytes: FRAME }))
    await small.put(many, HEAD)
    const commitBesideManyMs = await medianCommit(small, 'b')
    await small.close()

    const database = `bench large ${number}`
    const segments = Array.from({ length: SEGMENTS }, (_, i) => ({
      name: `s-${i}`,
      bytes: pattern(SEGMENT_BYTES, i),
    }))
    const large = await adapter.open(database, 'write')
    await large.compareAndSetHead(null, HEAD)
    const putMs = await time(() => large.put(segments, HEAD))
    const readMs = await time(() => readAll(large))
    await large.close()
    const reopenMs = await time(async () => {
      kept = await adapter.open(database, 'write')
      await kept.readHead()
      await readAll(kept)
    })
    await kept?.close()
    kept = undefined
    return { commitMs, relaxedCommitMs, commitBesideManyMs, putMs, readMs, reopenMs }
  },

  /** Leaves the large database of a round open, with nothing read, so that what it keeps can be measured. */
  async keepOpen(adapterName: AdapterName, number: number): Promise<void> {
    kept = await createAdapter(adapterName).open(`bench large ${number}`, 'write')
    await kept.readHead()
  },

  async release(): Promise<void> {
    await kept?.close()
    kept = undefined
  },
})

async function readAll(session: StorageSession): Promise<void> {
  for (const name of await session.list('s-')) await session.get(name)
}
