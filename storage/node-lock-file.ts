import { randomUUID } from 'node:crypto'
import { stat, utimes } from 'node:fs/promises'
import { isAbsent } from './node-file-errors.js'
import type { FileRegister } from './node-file-register.js'
import { livenessOf, ownIdentity, type ProcessIdentity } from './node-process-identity.js'

interface LockRecord extends ProcessIdentity {
  readonly token: string
  readonly released: boolean
}

/** The holder touches its lock this often ... */
const BEAT_INTERVAL_MS = 5_000
/** ... and one that was not touched for this long is stale, where nobody can be asked whether its holder still runs. */
const BEAT_EXPIRY_MS = 30_000

/**
 * The writer lock of a database folder, held by one thread of one process.
 *
 * A holder that ended without giving it up leaves a stale lock, which the next writer takes over at once: process id
 * and start time tell. On another machine, in another container, and in a terminated worker thread of this process
 * nobody can be asked; there the lock is stale when its holder has not touched it for 30 seconds.
 *
 * The lock lies in a register, so of two that take over a stale one only one wins. It is no fence: a process that
 * was suspended for long may find itself replaced, which the check of the head in every `put` notices.
 */
export class LockFile {
  readonly #register: FileRegister
  readonly #record: LockRecord
  /** Which of all writers this one is; rises with each. */
  readonly generation: number
  readonly #beat: NodeJS.Timeout

  private constructor(register: FileRegister, record: LockRecord, generation: number) {
    this.#register = register
    this.#record = record
    this.generation = generation
    this.#beat = setInterval(() => void this.#touch(), BEAT_INTERVAL_MS)
    this.#beat.unref()
  }

  /** The lock, or null when another holds it. */
  static async acquire(register: FileRegister): Promise<LockFile | null> {
    const own = await ownIdentity()
    const current = await register.read()
    if (current !== null) {
      const holder = parseRecord(current.bytes)
      if (holder !== null && (await isHeld(holder, own, register.path(current.generation)))) return null
    }
    const generation = current?.generation ?? 0
    const record = { ...own, token: randomUUID(), released: false }
    try {
      if (!(await register.compareAndSet(generation, encodeRecord(record)))) return null
    } catch (error) {
      // Whoever won cleans up what others were writing, this record among it.
      if (isAbsent(error)) return null
      throw error
    }
    return new LockFile(register, record, generation + 1)
  }

  /** Gives the lock up; one that was taken over meanwhile stays with its new holder. */
  async release(): Promise<void> {
    clearInterval(this.#beat)
    const current = await this.#register.read()
    if (current === null || parseRecord(current.bytes)?.token !== this.#record.token) return
    await this.#register.compareAndSet(this.generation, encodeRecord({ ...this.#record, released: true }))
  }

  async #touch(): Promise<void> {
    const now = new Date()
    // A lock that cannot be touched grows stale, which is the honest outcome.
    await utimes(this.#register.path(this.generation), now, now).catch(() => undefined)
  }
}

async function isHeld(holder: LockRecord, own: ProcessIdentity, path: string): Promise<boolean> {
  if (holder.released) return false
  const liveness = await livenessOf(holder, own)
  if (liveness !== 'unknown') return liveness === 'alive'
  try {
    return Date.now() - (await stat(path)).mtimeMs < BEAT_EXPIRY_MS
  } catch (error) {
    // Replaced just now, so somebody holds it.
    if (isAbsent(error)) return true
    throw error
  }
}

function encodeRecord(record: LockRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record))
}

/** Null for a record that cannot be read: nobody holds it, and treating it as held would lock the database for ever. */
function parseRecord(bytes: Uint8Array): LockRecord | null {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<LockRecord> | null
    if (typeof value?.processId !== 'number' || typeof value.machine !== 'string') return null
    return {
      machine: value.machine,
      processId: value.processId,
      startTime: value.startTime ?? '',
      thread: value.thread ?? 0,
      token: value.token ?? '',
      released: value.released ?? false,
    }
  } catch {
    return null
  }
}
