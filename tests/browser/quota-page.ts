/** A page that fills its origin's quota, or loses what it stored, and looks at what it has afterwards. */
import type { StorageSession } from '../../storage/contract.js'
import { assert, assertBytes, pattern } from '../storage/contract-environment.js'
import { type AdapterName, createAdapter } from './page-adapters.js'
import { exposeCalls } from './page-calls.js'

export interface Filled {
  stored: number
  code: unknown
}

const HEAD = pattern(100, 1)
const SIZE_BYTES = 3 * 1024 * 1024
const DATABASE = 'full'
let session: StorageSession

exposeCalls('quotaPage', {
  /** Opens to write and answers how that went. */
  async open(adapter: AdapterName): Promise<unknown> {
    try {
      await (await createAdapter(adapter).open(DATABASE, 'write')).close()
      return 'open'
    } catch (error) {
      return (error as { code?: unknown }).code ?? String(error)
    }
  },

  /** Puts batches of two objects, every other one relaxed, until one is refused. */
  async fill(adapter: AdapterName, recreate = false): Promise<Filled> {
    session = await createAdapter(adapter).open(DATABASE, 'write', { recreate })
    await session.compareAndSetHead(null, HEAD)
    for (let stored = 0; ; stored += 2) {
      const batch = [stored, stored + 1].map((i) => ({ name: `d-${i}`, bytes: pattern(SIZE_BYTES, i) }))
      try {
        await session.put(batch, HEAD, { relaxed: stored % 4 === 0 })
      } catch (error) {
        return { stored, code: (error as { code?: unknown }).code ?? String(error) }
      }
    }
  },

  /** Throws unless exactly `stored` objects are there, whole, in this session and in a new one. */
  async check(adapter: AdapterName, stored: number): Promise<string> {
    await checkSession(session, stored)
    await session.close()
    session = await createAdapter(adapter).open(DATABASE, 'write')
    await checkSession(session, stored)
    return 'as before'
  },

  /** Codes of every call of a session whose store went away under it. */
  async callAll(): Promise<unknown[]> {
    const calls = [
      () => session.readHead(),
      () => session.get('d-0'),
      () => session.list(''),
      () => session.put([{ name: 'd-late', bytes: HEAD }], HEAD),
      () => session.compareAndSetHead(HEAD, HEAD),
      () => session.delete(['d-0']),
    ]
    const codes: unknown[] = []
    for (const each of calls) {
      codes.push(await each().then(JSON.stringify, (error: unknown) => (error as { code?: unknown }).code))
    }
    await session.close()
    return codes
  },

  /** What the other writes of a full session do; none may fail otherwise than for want of room, or change anything. */
  async writeWhenFull(): Promise<unknown[]> {
    const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code ?? String(error)
    const small = { name: 'd-small', bytes: pattern(1_000_000, 98) }
    const codes = [
      await session.put([small, { name: 'd-big', bytes: pattern(4 * SIZE_BYTES, 97) }], HEAD).catch(codeOf),
      await session.compareAndSetHead(HEAD, HEAD).catch(codeOf),
      await session.sync().catch(codeOf),
      await session.delete(['d-small', 'd-big', 'd-never']).catch(codeOf),
    ]
    return codes.map((code) => (code === undefined ? 'done' : code))
  },

  /** Makes room by deleting half of what is there, and uses it. */
  async deleteAndGoOn(stored: number): Promise<string> {
    const kept = Math.floor(stored / 2)
    await session.delete(Array.from({ length: stored - kept }, (_, i) => `d-${kept + i}`))
    for (let i = kept; i < stored - 1; i++) {
      await session.put([{ name: `e-${i}`, bytes: pattern(SIZE_BYTES, i) }], HEAD)
    }
    for (let i = 0; i < stored - 1; i++) {
      const name = i < kept ? `d-${i}` : `e-${i}`
      assertBytes(await session.get(name), pattern(SIZE_BYTES, i), name)
    }
    return 'went on'
  },

  /** With room again the session goes on. */
  async goOn(): Promise<string> {
    await session.put([{ name: 'd-late', bytes: pattern(SIZE_BYTES, 99) }], HEAD)
    assertBytes(await session.get('d-late'), pattern(SIZE_BYTES, 99), 'late object')
    await session.close()
    return 'went on'
  },
})

async function checkSession(opened: StorageSession, stored: number): Promise<void> {
  assertBytes(await opened.readHead(), HEAD, 'head')
  const names = await opened.list('')
  assert(names.length === stored, `expected ${stored} objects, found ${names.join(' ')}`)
  for (let i = 0; i < stored; i++)
    assertBytes(await opened.get(`d-${i}`), pattern(SIZE_BYTES, i), `object ${i}`)
}
