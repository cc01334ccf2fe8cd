import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publishFile, removeFile, syncFolder, writeTemporaryFile } from './node-durable-file.js'
import { isAbsent } from './node-file-errors.js'

export interface RegisterValue {
  /** Rises by one with each replacement, from 1. */
  readonly generation: number
  readonly bytes: Uint8Array
}

const GENERATION_NAME = /^[0-9a-f]{16}$/

/**
 * One small value in a folder, replaced by compare-and-set between processes and threads.
 *
 * The value of generation n is the file named n, which never changes; the highest name counts. To replace it is to
 * publish n + 1, which `link` lets one of many do. Who publishes n + 1 after others went on to n + 2 and removed
 * n + 1 finds the higher name there, and has changed nothing that anyone reads. A kill at any instant leaves the
 * old value or the new one.
 */
export class FileRegister {
  readonly #folder: string
  readonly #temporaryFolder: string

  constructor(folder: string, temporaryFolder: string) {
    this.#folder = folder
    this.#temporaryFolder = temporaryFolder
  }

  /** The current generation; 0 when there is no value, or no folder. */
  async generation(): Promise<number> {
    return Math.max(0, ...(await this.#generations()))
  }

  /** The current value; `known`, without reading its file, when that is still the current one. */
  async read(known: RegisterValue | null = null): Promise<RegisterValue | null> {
    for (;;) {
      const generation = await this.generation()
      if (generation === 0) return null
      if (generation === known?.generation) return known
      try {
        return { generation, bytes: new Uint8Array(await readFile(this.path(generation))) }
      } catch (error) {
        // Replaced since the folder was read: a higher generation is there.
        if (!isAbsent(error)) throw error
      }
    }
  }

  /** Replaces the value of `generation` (0: there is none); false when it is no longer the current one. */
  async compareAndSet(generation: number, bytes: Uint8Array): Promise<boolean> {
    const next = generation + 1
    const temporary = await writeTemporaryFile(this.#temporaryFolder, bytes)
    const isPublished = await publishFile(temporary, this.path(next))
    await removeFile(temporary)
    if (!isPublished) return false
    await syncFolder(this.#folder)
    const generations = await this.#generations()
    if (generations.some((found) => found > next)) {
      await removeFile(this.path(next))
      return false
    }
    await Promise.all(
      generations.filter((found) => found < next).map((found) => removeFile(this.path(found))),
    )
    return true
  }

  /** Path of the file that holds a generation. */
  path(generation: number): string {
    return join(this.#folder, generation.toString(16).padStart(16, '0'))
  }

  async #generations(): Promise<number[]> {
    try {
      const names = await readdir(this.#folder)
      return names.filter((name) => GENERATION_NAME.test(name)).map((name) => Number.parseInt(name, 16))
    } catch (error) {
      if (isAbsent(error)) return []
      throw error
    }
  }
}
