/** The built package, with the engine in a worker and in place: what holds for one has to hold for the other. */
import { afterEach, describe } from 'vitest'
import { type Collection, type Database, open, OmenError, type OpenOptions } from 'omendb'

export const ENGINES = [
  { engine: 'worker', worker: true },
  { engine: 'in-place', worker: false },
] as const

const opened: Database[] = []

/** Runs the tests once for each engine; what they opened is closed after each. */
export function describeBoth(name: string, tests: (openMemory: OpenMemory, worker: boolean) => void): void {
  describe.each(ENGINES)(`${name} ($engine)`, ({ worker }) => {
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((db) => db.close()))
    })
    tests(async (options) => {
      const db = await open('tests', { storage: 'memory', worker, ...options })
      opened.push(db)
      return db
    }, worker)
  })
}

export type OpenMemory = (options?: OpenOptions) => Promise<Database>

export async function openNotes<M = { n: number }>(openMemory: OpenMemory): Promise<Collection<M>> {
  const db = await openMemory()
  return db.collection<M>('notes', { dimensions: 3, metric: 'l2' })
}

/** The OmenError that a promise rejects with; anything else goes on. */
export async function errorOf(promise: Promise<unknown>): Promise<OmenError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof OmenError) return error
    throw error
  }
  throw new Error('expected a rejection')
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await errorOf(promise)).code
}

export async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const row of rows) all.push(row)
  return all
}

/** As JavaScript callers pass anything. */
export function untyped<T>(value: unknown): T {
  return value as T
}
