import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32c } from './crc32c.js'
import {
  publishFile,
  removeFile,
  syncFile,
  type SyncedFolder,
  writeTemporaryFile,
} from './node-durable-file.js'
import { isAbsent } from './node-file-errors.js'

/** What a relaxed object's file name says. */
interface RelaxedFile {
  readonly file: string
  /** Of the writer lock under which it was put. */
  readonly generation: number
  /** Rises by one with each relaxed put of the session, from 1. */
  readonly sequence: number
  /** The last sequence that was durable as an object of the other folder when this one was put. */
  readonly synced: number
  readonly sizeBytes: number
  readonly checksum: number
  readonly name: string
}

const FILE_NAME = /^[0-9a-f]{12}-[0-9a-f]{12}-[0-9a-f]{12}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-z-]{1,64}$/

/**
 * Objects of relaxed puts, in a folder of their own until they are durable.
 *
 * A file system may lose any of the files that were not synced, or keep a name and lose the bytes below it. So a
 * name here says the order, the size and the checksum; `recover` keeps what is whole up to the first that is not,
 * which makes a crash take the last puts only. To make them durable is to sync each and link it to its place among
 * the objects. Files are written elsewhere and renamed, so that a reader never sees a part of one.
 */
export class RelaxedObjects {
  readonly #folder: string
  readonly #temporaryFolder: string
  readonly #objectFolder: string
  #generation = 0
  /** Names of this session's puts that wait for `promote`. */
  #waiting = new Set<string>()
  #sequence = 0
  #synced = 0

  constructor(folder: string, temporaryFolder: string, objectFolder: string) {
    this.#folder = folder
    this.#temporaryFolder = temporaryFolder
    this.#objectFolder = objectFolder
  }

  /** Whether puts of this session wait for `promote`. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Whether a put of this session under this name waits for `promote`. */
  has(name: string): boolean {
    return this.#waiting.has(name)
  }

  /** Begins the puts of the writer with this generation of the lock. */
  begin(generation: number): void {
    this.#generation = generation
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const sequence = this.#sequence + 1
    const fields = [
      this.#generation.toString(16).padStart(12, '0'),
      sequence.toString(16).padStart(12, '0'),
      this.#synced.toString(16).padStart(12, '0'),
      bytes.byteLength.toString(16).padStart(8, '0'),
      crc32c(bytes).toString(16).padStart(8, '0'),
      name,
    ]
    const temporary = await writeTemporaryFile(this.#temporaryFolder, bytes, { relaxed: true })
    await rename(temporary, join(this.#folder, fields.join('-')))
    this.#sequence = sequence
    this.#waiting.add(name)
  }

  /** Paths of the files by object name. */
  async paths(): Promise<Map<string, string>> {
    return new Map((await this.#files()).map(({ name, file }) => [name, join(this.#folder, file)]))
  }

  /** Makes everything here durable, and objects like all others. Other writers' too: one that was fenced may have left some. */
  async promote(objects: SyncedFolder): Promise<void> {
    const last = this.#sequence
    const waited = this.#waiting
    this.#waiting = new Set()
    try {
      await this.#publish(await this.#files(), objects)
      this.#synced = Math.max(this.#synced, last)
    } catch (error) {
      for (const name of waited) this.#waiting.add(name)
      throw error
    }
  }

  /** After a crash: what is whole and in order becomes objects, the rest is removed. */
  async recover(objects: SyncedFolder): Promise<void> {
    const files = await this.#files()
    const kept: RelaxedFile[] = []
    for (const generation of new Set(files.map((file) => file.generation))) {
      const ofOneSession = files.filter((file) => file.generation === generation)
      const synced = Math.max(...ofOneSession.map((file) => file.synced))
      let expected = synced + 1
      for (const file of ofOneSession.sort((a, b) => a.sequence - b.sequence)) {
        // Already an object: only the removal of its old name was lost.
        if (file.sequence <= synced) continue
        if (file.sequence !== expected || !(await this.#isWhole(file))) break
        kept.push(file)
        expected++
      }
    }
    await this.#publish(kept, objects)
    for (const { file } of files) await removeFile(join(this.#folder, file))
  }

  async #publish(files: readonly RelaxedFile[], objects: SyncedFolder): Promise<void> {
    if (files.length === 0) return
    for (const { file, name } of files) {
      const path = join(this.#folder, file)
      try {
        await syncFile(path)
        // False when it is there already: published before a crash that came before its removal here.
        await publishFile(path, join(this.#objectFolder, name))
      } catch (error) {
        // Published by the writer that took over, or that was taken over.
        if (!isAbsent(error)) throw error
      }
    }
    await objects.sync()
    for (const { file } of files) await removeFile(join(this.#folder, file))
  }

  async #isWhole({ file, sizeBytes, checksum }: RelaxedFile): Promise<boolean> {
    const path = join(this.#folder, file)
    if ((await stat(path)).size !== sizeBytes) return false
    return crc32c(await readFile(path)) === checksum
  }

  async #files(): Promise<RelaxedFile[]> {
    try {
      return (await readdir(this.#folder)).flatMap((file) => parseFileName(file) ?? [])
    } catch (error) {
      if (isAbsent(error)) return []
      throw error
    }
  }
}

function parseFileName(file: string): RelaxedFile | null {
  if (!FILE_NAME.test(file)) return null
  const [generation = '', sequence = '', synced = '', sizeBytes = '', checksum = '', ...name] =
    file.split('-')
  return {
    file,
    generation: Number.parseInt(generation, 16),
    sequence: Number.parseInt(sequence, 16),
    synced: Number.parseInt(synced, 16),
    sizeBytes: Number.parseInt(sizeBytes, 16),
    checksum: Number.parseInt(checksum, 16),
    name: name.join('-'),
  }
}
