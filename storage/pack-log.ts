/** Objects in packs: the writer's side. */
import { CorruptionError, type OmenError, StorageFailedError } from '../js/errors/omen-error.js'
import type { StorageObject } from './contract.js'
import { crc32c } from './crc32c.js'
import {
  encodeNames,
  encodePackHeader,
  encodeRecordHeader,
  newPackId,
  PACK_HEADER_BYTES,
  recordBytes,
  type RecordKind,
} from './pack-format.js'
import { Pack } from './pack.js'
import { type ReadableFile, scanPack } from './pack-scan.js'

/** A file that grows at its end. A failed `write` may have written a part. */
export interface AppendFile extends ReadableFile {
  write(bytes: Uint8Array, at: number): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  /** Makes what was written durable. */
  flush(): Promise<void>
}

/** Where packs lie, by number. */
export interface PackFolder {
  /** The file of a pack, where it is open and can be read in this turn. */
  openNow?(number: number): { readNow(into: Uint8Array, at: number): number } | null
  list(): Promise<number[]>
  open(number: number): Promise<AppendFile>
  create(number: number): Promise<AppendFile>
  remove(number: number): Promise<void>
}

export interface PackSizes {
  /** A pack that has passed this takes no more records. */
  readonly packBytes: number
  /** Larger batches get a pack of their own, so that it goes when they go. */
  readonly ownPackBytes: number
  /** Less than this in deleted objects is not worth copying their neighbours. */
  readonly worthwhileBytes: number
}

/** Larger packs would be made less often, and keep more of what was deleted beside what was not. */
export const PACK_SIZES: PackSizes = {
  packBytes: 16 * 1024 * 1024,
  ownPackBytes: 8 * 1024 * 1024,
  worthwhileBytes: 1024 * 1024,
}

/** Up to this, header and content are copied together for one call to write them. */
const COPIED_BYTES = 64 * 1024

interface NewRecord {
  readonly kind: RecordKind
  readonly name: string
  readonly content: Uint8Array
}

interface Location {
  readonly pack: Pack
  readonly contentStart: number
  readonly sizeBytes: number
}

/**
 * A log of immutable objects in packs, with one writer. Records go to the end of the last pack; all packs before it are
 * sealed. A `put` is a batch: after a crash all of it is there or nothing.
 *
 * Deleting writes a record that need not be durable: an object that comes back after a crash is one that nothing names.
 * Space comes back by the pack: one whose objects are all deleted is removed, one of which more than half is deleted is
 * left by copying the rest to the end of the log, and the last one, once nothing in it lives, is begun anew.
 *
 * Calls must not overlap. After a failure that leaves the end of the log in doubt every write is `STORAGE_FAILED`.
 */
export class PackLog {
  readonly #folder: PackFolder
  readonly #sizes: PackSizes
  readonly #packs: Pack[] = []
  readonly #objects = new Map<string, Location>()
  /** Deleted names that there was no room to record yet. */
  #unrecorded = new Set<string>()
  #isSynced = true
  #failure: OmenError | null = null

  private constructor(folder: PackFolder, sizes: PackSizes) {
    this.#folder = folder
    this.#sizes = sizes
  }

  /** Reads what is there, and cuts off what was being written when the last writer ended. */
  static async open(folder: PackFolder, sizes: PackSizes = PACK_SIZES): Promise<PackLog> {
    const log = new PackLog(folder, sizes)
    const numbers = (await folder.list()).sort((a, b) => a - b)
    for (const number of numbers) await log.#recover(number, number === numbers.at(-1))
    return log
  }

  get names(): IterableIterator<string> {
    return this.#objects.keys()
  }

  has(name: string): boolean {
    return this.#objects.has(name)
  }

  /** Bytes of the objects, without what the log keeps of its own. */
  get usedBytes(): number {
    let sum = 0
    for (const { sizeBytes } of this.#objects.values()) sum += sizeBytes
    return sum
  }

  sizeOf(name: string): number | null {
    return this.#objects.get(name)?.sizeBytes ?? null
  }

  /** The bytes `[start, end)` of an object that is there. */
  async read(name: string, start: number, end: number): Promise<Uint8Array> {
    const found = this.#objects.get(name)
    if (found === undefined) throw new StorageFailedError(`object ${name} was read and is not there`)
    const file = await this.#folder.open(found.pack.number)
    const bytes = await file.read(found.contentStart + start, found.contentStart + end)
    if (bytes.byteLength === end - start) return bytes
    throw new CorruptionError(
      `${found.pack.label}, offset ${found.contentStart + start}: expected ${end - start} bytes of object ${name}, ` +
        `found ${bytes.byteLength}`,
    )
  }

  /** The same in this turn, as much as `into` takes. False when that is not possible. */
  readNow(name: string, start: number, into: Uint8Array): boolean {
    const found = this.#objects.get(name)
    const file = found === undefined ? null : (this.#folder.openNow?.(found.pack.number) ?? null)
    if (found === undefined || file === null || start + into.byteLength > found.sizeBytes) return false
    return file.readNow(into, found.contentStart + start) === into.byteLength
  }

  /** Adds objects whose names are not taken. Durable when it resolves, unless `relaxed`. */
  async put(objects: readonly StorageObject[], relaxed: boolean): Promise<void> {
    if (objects.length > 0) {
      const records = objects.map(({ name, bytes }) => ({ kind: 'object', name, content: bytes }) as const)
      try {
        await this.#append(records)
      } catch (error) {
        if (this.#failure !== null || !isQuotaExceeded(error)) throw error
        await this.#squeeze(totalBytes(records), error)
        await this.#append(records)
      }
    }
    if (!relaxed) await this.sync()
  }

  async sync(): Promise<void> {
    this.#check()
    const last = this.#packs.at(-1)
    if (this.#isSynced || last === undefined) return
    await this.#orFail(async () => (await this.#folder.open(last.number)).flush())
    last.syncedBytes = last.sizeBytes
    this.#isSynced = true
  }

  async delete(names: Iterable<string>): Promise<void> {
    this.#check()
    const deleted = [...new Set(names)].filter((name) => this.#objects.delete(name))
    if (deleted.length === 0) return
    for (const pack of this.#packs) for (const name of deleted) pack.noteDeleted(name)
    await this.#recordDeletions(deleted)
    await this.#reclaim()
    if (this.#unrecorded.size > 0) await this.#recordDeletions([])
  }

  /** Seals the log, so that damage to its end can be told from an end that was never written. */
  async seal(): Promise<void> {
    const last = this.#packs.at(-1)
    if (this.#failure !== null || last === undefined || last.isSealed) return
    await this.sync()
    await this.#write(last, [{ kind: 'seal', name: '', content: new Uint8Array(0) }])
    await this.sync()
    last.isSealed = true
  }

  async #recover(number: number, isLast: boolean): Promise<void> {
    const file = await this.#folder.open(number)
    const pack = new Pack(number)
    const scan = await scanPack(file, pack.label, { isLast })
    if (scan === null) {
      await this.#folder.remove(number)
      return
    }
    pack.begin(scan.packId)
    if (!scan.isSealed) {
      if (scan.endBytes < (await file.size())) await file.truncate(scan.endBytes)
      // What the last writer did not flush could be lost yet, and what follows will say that it is durable.
      await file.flush()
    }
    this.#packs.push(pack)
    pack.sizeBytes = scan.endBytes
    pack.syncedBytes = scan.endBytes
    pack.isSealed = scan.isSealed
    for (const entry of scan.entries) {
      if (entry.kind === 'object') {
        this.#add(pack, entry.name, entry.contentStart, entry.sizeBytes, entry.checksum)
      } else {
        for (const name of entry.names) {
          this.#objects.delete(name)
          for (const each of this.#packs) each.noteDeleted(name)
        }
        pack.addDeletions(entry.names)
      }
    }
  }

  #add(pack: Pack, name: string, contentStart: number, sizeBytes: number, checksum: number): void {
    // Copied from an earlier pack that is still there: this one counts.
    this.#objects.get(name)?.pack.noteDeleted(name)
    this.#objects.set(name, { pack, contentStart, sizeBytes })
    pack.addObject(name, { contentStart, sizeBytes, checksum })
  }

  /** Adds a batch, in the last pack or in a new one. A failure takes back what was written of it. */
  async #append(records: readonly NewRecord[]): Promise<void> {
    this.#check()
    const batchBytes = totalBytes(records)
    let pack = this.#packs.at(-1)
    if (pack === undefined || this.#isFull(pack, batchBytes)) {
      await this.seal()
      pack = await this.#createPack()
    }
    await this.#write(pack, records)
  }

  #isFull(pack: Pack, batchBytes: number): boolean {
    if (pack.sizeBytes <= PACK_HEADER_BYTES) return false
    const { ownPackBytes, packBytes } = this.#sizes
    return batchBytes > ownPackBytes || pack.sizeBytes >= packBytes || pack.largestObjectBytes > ownPackBytes
  }

  async #createPack(): Promise<Pack> {
    const pack = new Pack((this.#packs.at(-1)?.number ?? 0) + 1)
    const packId = newPackId()
    try {
      const file = await this.#folder.create(pack.number)
      await file.write(encodePackHeader(packId), 0)
      await file.flush()
    } catch (error) {
      await this.#orFail(() => this.#folder.remove(pack.number))
      throw error
    }
    pack.begin(packId)
    this.#packs.push(pack)
    return pack
  }

  async #write(pack: Pack, records: readonly NewRecord[]): Promise<void> {
    const file = await this.#folder.open(pack.number)
    const checksums = records.map(({ content }) => crc32c(content))
    const starts: number[] = []
    let end = pack.sizeBytes
    this.#isSynced = false
    try {
      for (const [i, { kind, name, content }] of records.entries()) {
        const header = encodeRecordHeader(
          {
            kind,
            name,
            contentBytes: content.byteLength,
            contentChecksum: checksums[i] ?? 0,
            syncedBytes: pack.syncedBytes,
            continues: i < records.length - 1,
          },
          pack.packId,
        )
        starts.push(end + header.byteLength)
        await writeRecord(file, end, header, content)
        end += recordBytes(content.byteLength)
      }
    } catch (error) {
      await this.#orFail(() => file.truncate(pack.sizeBytes))
      throw error
    }
    pack.sizeBytes = end
    pack.isSealed = false
    for (const [i, { kind, name, content }] of records.entries()) {
      if (kind === 'object') this.#add(pack, name, starts[i] ?? 0, content.byteLength, checksums[i] ?? 0)
    }
  }

  /** Records that objects are gone. What there is no room for is tried again; until then they would come back, and do no harm. */
  async #recordDeletions(names: readonly string[]): Promise<void> {
    // A pack of which nothing lives goes away with all it holds; the last one once that is worthwhile.
    const last = this.#packs.at(-1)
    const stays = (pack: Pack): boolean => pack.liveBytes > 0 || (pack === last && !this.#isMostlyDead(pack))
    const lasting = [...new Set([...this.#unrecorded, ...names])].filter((name) =>
      this.#packs.some((pack) => stays(pack) && pack.holds(name)),
    )
    this.#unrecorded = new Set(lasting)
    if (lasting.length === 0) return
    try {
      await this.#append([{ kind: 'deletion', name: '', content: encodeNames(lasting) }])
    } catch (error) {
      if (this.#failure !== null || !isQuotaExceeded(error)) throw error
      return
    }
    this.#unrecorded.clear()
    this.#packs.at(-1)?.addDeletions(lasting)
  }

  /** Gives space back: see the class. What there is no room to copy stays until there is. */
  async #reclaim(): Promise<void> {
    try {
      const last = this.#packs.at(-1)
      if (last !== undefined && this.#isMostlyDead(last)) {
        if (last.liveBytes === 0) await this.#restart(last)
        else await this.#roll()
      }
      for (const pack of this.#packs.slice(0, -1)) {
        if (pack.liveBytes === 0 || this.#isMostlyDead(pack)) await this.#leave(pack)
      }
    } catch (error) {
      if (this.#failure !== null || !isQuotaExceeded(error)) throw error
    }
  }

  #isMostlyDead({ deadBytes, liveBytes }: Pack): boolean {
    return deadBytes > liveBytes && deadBytes >= this.#sizes.worthwhileBytes
  }

  /** For a batch that found no room: leaves whatever packs it can, where enough is deleted; throws `error` where not. */
  async #squeeze(batchBytes: number, error: unknown): Promise<void> {
    const deadBytes = this.#packs.reduce((sum, pack) => sum + pack.deadBytes, 0)
    if (deadBytes < batchBytes) throw error
    try {
      const last = this.#packs.at(-1)
      if (last !== undefined && last.deadBytes > 0) {
        if (last.liveBytes === 0) await this.#restart(last)
        else await this.#roll()
      }
      // What is quickly copied first: it makes room to copy the next.
      const packs = this.#packs.slice(0, -1).sort((a, b) => a.liveBytes - b.liveBytes)
      for (const pack of packs) if (pack.deadBytes > 0) await this.#leave(pack)
    } catch (failure) {
      if (this.#failure !== null || !isQuotaExceeded(failure)) throw failure
    }
  }

  /** Ends the last pack, so that it can be left. */
  async #roll(): Promise<void> {
    await this.seal()
    await this.#createPack()
  }

  /** Begins the last pack anew under another id, by which readers notice. */
  async #restart(pack: Pack): Promise<void> {
    const needed = this.#neededDeletions(pack)
    const packId = newPackId()
    await this.#orFail(async () => {
      const file = await this.#folder.open(pack.number)
      await file.truncate(0)
      await file.write(encodePackHeader(packId), 0)
      await file.flush()
    })
    pack.begin(packId)
    this.#isSynced = true
    if (needed.length > 0) await this.#recordDeletions(needed)
  }

  /** Copies what lives in a pack to the end of the log, then removes it. */
  async #leave(pack: Pack): Promise<void> {
    const copies: NewRecord[] = []
    for (const [name, { sizeBytes, checksum }] of pack.liveObjects) {
      const content = await this.read(name, 0, sizeBytes)
      // Damage must stay where it will be found, and not get a checksum that fits.
      if (crc32c(content) !== checksum) return
      copies.push({ kind: 'object', name, content })
    }
    if (copies.length > 0) await this.#append(copies)
    const needed = this.#neededDeletions(pack)
    await this.sync()
    await this.#folder.remove(pack.number)
    this.#packs.splice(this.#packs.indexOf(pack), 1)
    if (needed.length > 0) await this.#recordDeletions(needed)
  }

  /** Deletions that only this pack records, of objects that other packs still hold. */
  #neededDeletions(pack: Pack): string[] {
    const others = this.#packs.filter((each) => each !== pack)
    return [...pack.deletions].filter(
      (name) =>
        !this.#objects.has(name) &&
        others.some((other) => other.holds(name)) &&
        !others.some((other) => other.deletions.has(name)),
    )
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  /** For steps whose failure leaves the end of the log in doubt. */
  async #orFail(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      this.#failure ??= new StorageFailedError('the end of the log is in doubt; opening again tells', {
        cause: error,
      })
      throw this.#failure
    }
  }
}

function totalBytes(records: readonly NewRecord[]): number {
  return records.reduce((sum, { content }) => sum + recordBytes(content.byteLength), 0)
}

async function writeRecord(
  file: AppendFile,
  at: number,
  header: Uint8Array,
  content: Uint8Array,
): Promise<void> {
  const sizeBytes = recordBytes(content.byteLength)
  if (sizeBytes <= COPIED_BYTES) {
    const record = new Uint8Array(sizeBytes)
    record.set(header)
    record.set(content, header.byteLength)
    await file.write(record, at)
    return
  }
  await file.write(header, at)
  await file.write(content, at + header.byteLength)
  const padding = sizeBytes - header.byteLength - content.byteLength
  if (padding > 0) await file.write(new Uint8Array(padding), at + header.byteLength + content.byteLength)
}

function isQuotaExceeded(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'QUOTA_EXCEEDED'
}
