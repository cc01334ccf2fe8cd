/** Object files that stay open for synchronous reads: opening one costs as much as reading from it. */
import { closeSync, openSync, readSync } from 'node:fs'
import { CorruptionError } from '../js/errors/omen-error.js'
import type { RangeRead } from './contract.js'
import { isAbsent } from './node-file-errors.js'

/** Far below what systems let a process have open. */
const OPEN_FILES_MOST = 128

export class OpenFiles {
  readonly #pathOf: (name: string) => string
  /** Descriptors by object, in the order of their last use. */
  readonly #files = new Map<string, number>()

  constructor(pathOf: (name: string) => string) {
    this.#pathOf = pathOf
  }

  /** False when there is no such file. */
  read({ name, start, into }: RangeRead): boolean {
    const file = this.#open(name)
    if (file === null) return false
    let done = 0
    while (done < into.byteLength) {
      const count = readSync(file, into, done, into.byteLength - done, start + done)
      if (count === 0) {
        throw new CorruptionError(
          `object ${name}, byte ${start}: expected ${into.byteLength} bytes, found ${done}`,
        )
      }
      done += count
    }
    return true
  }

  close(name: string): void {
    const file = this.#files.get(name)
    this.#files.delete(name)
    if (file !== undefined) closeSync(file)
  }

  closeAll(): void {
    for (const name of [...this.#files.keys()]) this.close(name)
  }

  #open(name: string): number | null {
    let file = this.#files.get(name)
    try {
      file ??= openSync(this.#pathOf(name), 'r')
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
    this.#files.delete(name)
    this.#files.set(name, file)
    const [oldest] = this.#files.keys()
    if (this.#files.size > OPEN_FILES_MOST && oldest !== undefined) this.close(oldest)
    return file
  }
}
