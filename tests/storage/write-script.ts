/**
 * What a kill test does to a store, and what must be found there afterwards.
 *
 * The writer puts object after object; every `HEAD_INTERVAL` of them it replaces the head and then deletes the
 * objects before it, as a checkpoint does. After each step it says so: from then on the step may never be undone.
 */
import type { StorageObject, StorageSession } from '../../storage/contract.js'
import { assert, assertBytes, pattern } from './contract-environment.js'

export interface Acknowledged {
  /** The last object whose put resolved; 0 for none. */
  object: number
  /** The last head whose compareAndSetHead resolved; 0 for the first. */
  head: number
}

export const HEAD_INTERVAL = 5
/** From a WAL frame of one row to one of a few MiB, larger than what a store takes as one value. */
const SIZES_BYTES = [300, 4_096, 70_000, 1_500_000, 5_000_000, 40]

export function headOf(number: number): Uint8Array {
  return pattern(200, 1_000_000 + number)
}

export function objectOf(number: number): StorageObject {
  return {
    name: `w-${String(number).padStart(8, '0')}`,
    bytes: pattern(SIZES_BYTES[number % SIZES_BYTES.length]!, number),
  }
}

/** Writes until something ends it. `acknowledge` hears of every step that resolved, before the next one begins. */
export async function writeForever(
  session: StorageSession,
  acknowledge: (done: Acknowledged) => void | Promise<void>,
): Promise<never> {
  const done: Acknowledged = { object: 0, head: 0 }
  await session.compareAndSetHead(null, headOf(0))
  await acknowledge(done)
  for (let number = 1; ; number++) {
    // Of three two may be durable later: the end of a process, unlike that of a machine, takes neither.
    await session.put([objectOf(number)], headOf(done.head), { relaxed: number % 3 !== 0 })
    done.object = number
    await acknowledge(done)
    if (number % HEAD_INTERVAL !== 0) continue
    await session.sync()
    const isReplaced = await session.compareAndSetHead(headOf(done.head), headOf(number))
    assert(isReplaced, `head ${done.head} was not there`)
    done.head = number
    await acknowledge(done)
    await session.delete(range(number - HEAD_INTERVAL + 1, number).map((old) => objectOf(old).name))
  }
}

/** Asserts that everything acknowledged is there and whole, and that nothing is there in part. */
export async function checkSurvivors(session: StorageSession, done: Acknowledged): Promise<void> {
  const head = await session.readHead()
  const found = [done.head, done.head + HEAD_INTERVAL].find((number) => equal(head, headOf(number)))
  assert(
    found !== undefined,
    `the head is neither ${done.head} nor the next one, after ${JSON.stringify(done)}`,
  )
  const names = new Set(await session.list(''))
  // Objects up to the head may be deleted or not; those after it that were acknowledged must be there.
  for (let number = found + 1; number <= done.object; number++) {
    const { name, bytes } = objectOf(number)
    assertBytes(await session.get(name), bytes, `acknowledged object ${number}`)
    assert(names.has(name), `acknowledged object ${number} is not listed`)
  }
  for (const number of range(1, done.object + 1)) {
    const { name, bytes } = objectOf(number)
    const stored = await session.get(name)
    if (stored !== null) assertBytes(stored, bytes, `object ${number}`)
    assert(names.has(name) === (stored !== null), `object ${number} is listed or read, not both`)
    names.delete(name)
  }
  assert(names.size === 0, `objects nobody put: ${[...names].join(', ')}`)
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function equal(a: Uint8Array | null, b: Uint8Array): boolean {
  return a?.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}
