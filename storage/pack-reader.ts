/** Objects in packs: the readers' side, beside a writer that goes on writing. */
import { CorruptionError, OmenError, StorageFailedError } from '../js/errors/omen-error.js'
import { type PackScan, type ReadableFile, scanPack, type StoredObject } from './pack-scan.js'

/** Packs as they are at an instant. What a writer changes later makes reading a snapshot fail, or go on unchanged. */
export interface PackSnapshots {
  list(): Promise<number[]>
  snapshot(number: number): Promise<ReadableFile>
}

interface FoundObject {
  readonly pack: number
  readonly object: StoredObject
}

const ATTEMPTS = 25
/** Two instants seen as one look damaged; more often than this they do not. */
const DAMAGED_ATTEMPTS = 4
const LONGEST_PAUSE_MS = 40

/**
 * Follows a log of packs without changing anything: each call looks first at what was added since the one before.
 * Only the last pack changes, so the others are read once.
 */
export class PackReader {
  readonly #snapshots: PackSnapshots
  #scans = new Map<number, PackScan>()
  /** Packs that were scanned when they had successors: their numbers are never used again, and nothing is added. */
  #complete = new Set<number>()
  #objects = new Map<string, FoundObject>()

  constructor(snapshots: PackSnapshots) {
    this.#snapshots = snapshots
  }

  async names(): Promise<string[]> {
    return withRetries(async () => {
      await this.#refresh()
      return [...this.#objects.keys()]
    })
  }

  async usedBytes(): Promise<number> {
    return withRetries(async () => {
      await this.#refresh()
      let sum = 0
      for (const { object } of this.#objects.values()) sum += object.sizeBytes
      return sum
    })
  }

  /** What `choose` selects of the object's size; null when the object is not there. */
  async get(
    name: string,
    choose: (sizeBytes: number) => { start: number; end: number },
  ): Promise<Uint8Array | null> {
    return withRetries(async () => {
      await this.#refresh()
      const found = this.#objects.get(name)
      if (found === undefined) return null
      const { contentStart, sizeBytes } = found.object
      const { start, end } = choose(sizeBytes)
      const file = await this.#snapshots.snapshot(found.pack)
      const bytes = await file.read(contentStart + start, contentStart + end)
      if (bytes.byteLength === end - start) return bytes
      throw new CorruptionError(
        `pack ${found.pack}, offset ${contentStart + start}: expected ${end - start} bytes of object ${name}, ` +
          `found ${bytes.byteLength}`,
      )
    })
  }

  async #refresh(): Promise<void> {
    const numbers = (await this.#snapshots.list()).sort((a, b) => a - b)
    const scans = new Map<number, PackScan>()
    const complete = new Set(this.#complete)
    let isSame = numbers.length === this.#scans.size
    for (const number of numbers) {
      const isLast = number === numbers.at(-1)
      const known = this.#scans.get(number) ?? null
      if (known !== null && this.#complete.has(number)) {
        scans.set(number, known)
        continue
      }
      const file = await this.#snapshots.snapshot(number)
      const scan = await scanPack(file, `pack ${number}`, { isLast, known })
      if (scan !== null) scans.set(number, scan)
      else if (!isLast) await this.#requireLast(numbers.at(-1))
      if (!isLast) complete.add(number)
      isSame &&= scan?.packId === known?.packId && scan?.endBytes === known?.endBytes
    }
    this.#scans = scans
    this.#complete = complete
    if (!isSame) this.#objects = replay(scans)
  }

  /** What lived in a pack that is going away was copied to the end of the log, which may be a pack that is not listed yet. */
  async #requireLast(last: number | undefined): Promise<void> {
    const newest = (await this.#snapshots.list()).reduce((most, number) => Math.max(most, number), 0)
    if (newest !== last) throw new StorageFailedError('a pack went away while it was being read')
  }
}

/** What the records of all packs, in order, leave. */
function replay(scans: ReadonlyMap<number, PackScan>): Map<string, FoundObject> {
  const objects = new Map<string, FoundObject>()
  for (const [pack, { entries }] of scans) {
    for (const entry of entries) {
      if (entry.kind === 'object') objects.set(entry.name, { pack, object: entry })
      else for (const name of entry.names) objects.delete(name)
    }
  }
  return objects
}

/**
 * Runs `read` again while it fails: a writer that removes a pack or adds to one makes snapshots of it unreadable, and
 * may make what was read of two instants look damaged. What stays is reported.
 */
export async function withRetries<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (attempt >= attemptsFor(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.min(attempt, LONGEST_PAUSE_MS)))
    }
  }
}

function attemptsFor(error: unknown): number {
  if (error instanceof CorruptionError) return DAMAGED_ATTEMPTS
  return !(error instanceof OmenError) || error instanceof StorageFailedError ? ATTEMPTS : 1
}
