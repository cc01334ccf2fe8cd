/**
 * A database in the origin private file system, for its writer.
 *
 * Whoever holds the head's file may change things, and the browser gives it to one at a time. A shared writer lets go of
 * all files when it had nothing to do for a moment, so that one which is frozen is in nobody's way. Taking them again
 * it looks whether the head is the one it wrote last; if not, another was here, and it reads the packs anew. So whatever
 * a writer is about to do, it does it to what is there.
 */
import { type OmenError, StorageFailedError } from '../js/errors/omen-error.js'
import { withAvailable } from './browser-quota.js'
import { type ByteRange, clampRange, equalBytes } from './byte-range.js'
import type { PutOptions, RangeRead, StorageObject, StorageSession, StorageUsage } from './contract.js'
import { evictedError, type ExistenceMark } from './existence-mark.js'
import { prepareHeadSlots, readHeadSlots, type SlottedHead, writeHeadSlot } from './head-slots.js'
import { HEAD_FILE, isNotFound, OpfsFile, OpfsPackFolder, toOpfsError } from './opfs-files.js'
import type { OpfsReader } from './opfs-reader.js'
import { PackLog } from './pack-log.js'
import { checkObjectName, checkObjects, type SessionGuard } from './session-guard.js'
import type { WriterLock } from './web-lock.js'

/** As IndexedDB's, so that a database fits both. */
export const LARGEST_OBJECT_BYTES = 512 * 1024 * 1024
/** Opening the files again costs some milliseconds, in Firefox tens of them: not after every call. */
const IDLE_MS = 100

export interface OpfsWriterOptions {
  readonly guard: SessionGuard
  readonly lock: WriterLock
  readonly mark: ExistenceMark
  /** Of the same database. */
  readonly reader: OpfsReader
  readonly isShared: boolean
}

interface Place {
  readonly folder: FileSystemDirectoryHandle
  readonly packs: OpfsPackFolder
}

/** What is open while the head's file is held. */
interface HeldFiles {
  readonly headFile: OpfsFile
  readonly log: PackLog
}

export class OpfsWriter implements StorageSession {
  readonly #options: OpfsWriterOptions
  readonly #guard: SessionGuard
  #place: Place | null = null
  #held: HeldFiles | null = null
  /** As they were when the files were held last. */
  #head: SlottedHead | null = null
  #log: PackLog | null = null
  /** Of the head that this session wrote last: while it counts, nobody else has changed anything since. */
  #ownCounter: number | null = null
  /** One call after the other: a pack is read and moved by several steps. */
  #queue: Promise<unknown> = Promise.resolve()
  #waitingCount = 0
  #idleTimer: ReturnType<typeof setTimeout> | undefined
  #closing: Promise<void> | null = null
  #evicted: OmenError | null = null

  constructor(options: OpfsWriterOptions) {
    this.#options = options
    this.#guard = options.guard
  }

  /** The folder has to be there. */
  async start(): Promise<void> {
    await this.#do('opening the files', async () => {
      // The reader's, as all see the same one also when two were made at once.
      const folder = await this.#options.reader.findFolder()
      if (folder === null) throw new StorageFailedError('the folder was made and is not there')
      this.#place = { folder, packs: new OpfsPackFolder(folder) }
      await this.#hold({ create: true })
    })
  }

  async readHead(): Promise<Uint8Array | null> {
    return this.#do('reading the head', async () =>
      this.#held === null ? this.#options.reader.readHead() : (this.#head?.bytes.slice() ?? null),
    )
  }

  async compareAndSetHead(expected: Uint8Array | null, next: Uint8Array): Promise<boolean> {
    this.#guard.checkWritable()
    return this.#do('replacing the head', async () => {
      const files = await this.#holdUnder(expected)
      if (files === null) return false
      // It may name what was put relaxed.
      await files.log.sync()
      await this.#writeHead(files, next)
      await this.#checkIsThere()
      this.#options.mark.leave()
      return true
    })
  }

  async put(
    objects: readonly StorageObject[],
    head: Uint8Array,
    { relaxed = false }: PutOptions = {},
  ): Promise<void> {
    this.#guard.checkWritable()
    checkObjects(objects, LARGEST_OBJECT_BYTES)
    await this.#do('writing objects', async () => {
      const files = await this.#holdUnder(head)
      if (files === null) throw this.#guard.headReplaced()
      for (const { name } of objects) {
        if (files.log.has(name)) throw this.#guard.nameTaken(name)
      }
      await this.#claim(files)
      await files.log.put(objects, relaxed)
      if (!relaxed) await this.#checkIsThere()
    })
  }

  async sync(): Promise<void> {
    this.#guard.checkWritable()
    await this.#do('making objects durable', async () => {
      const { log } = await this.#hold()
      await log.sync()
      await this.#checkIsThere()
    })
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array | null> {
    this.#guard.checkReadable()
    checkObjectName(name)
    return this.#do(`reading object ${name}`, async () => {
      const { log } = await this.#hold()
      const sizeBytes = log.sizeOf(name)
      if (sizeBytes === null) return null
      const { start, end } = clampRange(range, sizeBytes)
      return log.read(name, start, end)
    })
  }

  readNow(reads: readonly RangeRead[]): boolean {
    this.#guard.checkReadable()
    // Between the steps of a call a pack may be on its way to another place.
    if (this.#held === null || this.#waitingCount > 0 || this.#closing !== null) return false
    if (this.#evicted !== null) throw this.#evicted
    const { log } = this.#held
    const isRead = reads.every(({ name, start, into }) => log.readNow(name, start, into))
    this.#letGoSoon()
    return isRead
  }

  async list(prefix: string): Promise<string[]> {
    return this.#do('listing objects', async () => {
      const { log } = await this.#hold()
      return [...log.names].filter((name) => name.startsWith(prefix))
    })
  }

  async delete(names: readonly string[]): Promise<void> {
    this.#guard.checkWritable()
    names.forEach(checkObjectName)
    await this.#do('deleting objects', async () => {
      const files = await this.#hold()
      await this.#claim(files)
      await files.log.delete(names)
      await this.#checkIsThere()
    })
  }

  async usage(): Promise<StorageUsage> {
    const usedBytes = await this.#do('measuring the files', async () => {
      // Known without the files, which it would be a pity to open for this.
      const log = this.#log ?? (await this.#hold()).log
      return log.usedBytes + (this.#head?.bytes.byteLength ?? 0)
    })
    return withAvailable(usedBytes)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#guard.close()
    await this.#queue
    clearTimeout(this.#idleTimer)
    try {
      await this.#seal().catch(() => undefined)
      this.#letGo()
      await this.#options.mark.settled()
    } finally {
      await this.#options.lock.release()
    }
  }

  /** Without room for it, or after a failure, the next opening finds the end by itself. */
  async #seal(): Promise<void> {
    if (this.#ownCounter === null || this.#evicted !== null) return
    const { log } = await this.#hold({ isPatient: false })
    // Another's packs are not this session's to seal.
    if (this.#isOwn(this.#head)) await log.seal()
  }

  /** The files, held from here on; what another did meanwhile is known then. */
  async #hold({ create = false, isPatient = true } = {}): Promise<HeldFiles> {
    if (this.#held !== null) return this.#held
    if (this.#place === null) throw new StorageFailedError('the session has not been started')
    const { folder, packs } = this.#place
    if (!create) await this.#checkIsThere()
    const headFile = await OpfsFile.open(folder, HEAD_FILE, { create, isPatient })
    try {
      if (create) await prepareHeadSlots(headFile)
      this.#head = await readHeadSlots(headFile)
      if (this.#log === null || !this.#isOwn(this.#head)) this.#log = await PackLog.open(packs)
    } catch (error) {
      packs.close()
      headFile.close()
      throw error
    }
    this.#held = { headFile, log: this.#log }
    return this.#held
  }

  /** The files, held under this head; null when the head is another one. */
  async #holdUnder(head: Uint8Array | null): Promise<HeldFiles | null> {
    // Whoever replaced it may hold the files for long; readers see it all the same.
    if (this.#held === null && !equalBytes(await this.#options.reader.readHead(), head)) return null
    const files = await this.#hold()
    return equalBytes(this.#head?.bytes ?? null, head) ? files : null
  }

  #isOwn(head: SlottedHead | null): boolean {
    return head !== null && head.counter === this.#ownCounter
  }

  /** Before the packs are changed: whoever knew them before has to look again. */
  async #claim(files: HeldFiles): Promise<void> {
    if (this.#head !== null && !this.#isOwn(this.#head)) await this.#writeHead(files, this.#head.bytes)
  }

  async #writeHead({ headFile }: HeldFiles, bytes: Uint8Array): Promise<void> {
    this.#head = await writeHeadSlot(headFile, this.#head, bytes)
    this.#ownCounter = this.#head.counter
  }

  #letGo(): void {
    const held = this.#held
    // Chromium never returns from closing a file of an origin that was cleared.
    if (held === null || this.#evicted !== null) return
    this.#held = null
    this.#place?.packs.close()
    held.headFile.close()
  }

  #letGoSoon(): void {
    clearTimeout(this.#idleTimer)
    if (!this.#options.isShared || this.#held === null) return
    this.#idleTimer = setTimeout(() => {
      this.#queue = this.#queue.then(async () => {
        if (this.#waitingCount > 0 || this.#closing !== null) return
        // What was evicted is reported by the call that comes next.
        await this.#checkIsThere().catch(() => undefined)
        this.#letGo()
      })
    }, IDLE_MS)
  }

  /** Files that are open stay writable when the browser has deleted them: what goes there is lost. */
  async #checkIsThere(): Promise<void> {
    try {
      await this.#place?.folder.getFileHandle(HEAD_FILE)
    } catch (error) {
      if (!isNotFound(error)) throw error
      this.#evicted = evictedError(this.#guard.quotedName)
      throw this.#evicted
    }
  }

  #do<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#waitingCount += 1
    const result = this.#queue.then(async () => {
      try {
        this.#guard.checkReadable()
        if (this.#evicted !== null) throw this.#evicted
        return await work()
      } catch (error) {
        throw toOpfsError(error, what)
      } finally {
        this.#waitingCount -= 1
        if (this.#waitingCount === 0) this.#letGoSoon()
      }
    })
    this.#queue = result.catch(() => undefined)
    return result
  }
}
