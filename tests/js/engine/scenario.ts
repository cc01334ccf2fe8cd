/**
 * A database's life as a list of writes, with what must be found after each. The crash and fault tests end it at every
 * storage operation and look at what the next process finds.
 */
import type { Collection } from '../../../js/api/collection.js'
import type { Database } from '../../../js/api/database.js'
import type { Snapshot } from '../../../js/api/snapshot.js'
import type { Id } from '../../../js/api/types.js'
import { OPTIONS, vectorOf } from './open-in-place.js'

/** Collections, each with its rows: what a database holds. */
export type Contents = Map<string, Map<Id, number>>

export interface Step {
  readonly name: string
  readonly run: (db: Database) => Promise<unknown>
  /** Changes the model as the step changes the database. */
  readonly apply: (contents: Contents) => void
}

async function notes(db: Database, name = 'notes'): Promise<Collection<{ seed: number }>> {
  return db.collection<{ seed: number }>(name)
}

function create(name: string): Step {
  return {
    name: `create ${name}`,
    run: (db) => db.collection(name, OPTIONS),
    apply: (contents) => contents.set(name, new Map()),
  }
}

function upsert(name: string, ids: readonly Id[], seed: number): Step {
  return {
    name: `upsert ${ids.join()} into ${name}`,
    run: async (db) =>
      (await notes(db, name)).upsert(
        ids.map((id, i) => ({ id, vector: vectorOf(seed + i), metadata: { seed: seed + i } })),
      ),
    apply: (contents) => ids.forEach((id, i) => contents.get(name)?.set(id, seed + i)),
  }
}

function remove(name: string, ids: readonly Id[]): Step {
  return {
    name: `delete ${ids.join()} from ${name}`,
    run: async (db) => (await notes(db, name)).delete(ids),
    apply: (contents) => ids.forEach((id) => contents.get(name)?.delete(id)),
  }
}

function drop(name: string): Step {
  return { name: `drop ${name}`, run: (db) => db.drop(name), apply: (contents) => contents.delete(name) }
}

const flush: Step = { name: 'flush', run: (db) => db.flush(), apply: () => undefined }

export const SCENARIO: readonly Step[] = [
  create('notes'),
  upsert('notes', ['a', 'b', 'c'], 1),
  upsert('notes', ['b', 1, 1n], 10),
  flush,
  remove('notes', ['a', 'nowhere']),
  create('other'),
  upsert('other', ['x'], 20),
  flush,
  upsert('notes', ['c', 'd'], 30),
  drop('other'),
  flush,
  remove('notes', [1]),
  upsert('notes', ['e'], 40),
]

export function applied(steps: readonly Step[]): Contents {
  const contents: Contents = new Map()
  for (const step of steps) step.apply(contents)
  return contents
}

/** Of a row that was written with `seed` into the collection called `name`. */
export type VectorIn = (name: string, seed: number) => readonly number[]

/** What the database, or a past state of it, really holds, read three ways that must agree. */
export async function contentsOf(
  db: Pick<Database | Snapshot, 'collections' | 'collection'>,
  vectorIn: VectorIn = (_name, seed) => vectorOf(seed),
): Promise<Contents> {
  const contents: Contents = new Map()
  for (const name of await db.collections()) {
    const collection = await db.collection<{ seed: number }>(name)
    const rows = new Map<Id, number>()
    for await (const { id, vector, metadata } of collection.list()) {
      const seed = metadata?.seed ?? NaN
      const expected = vectorIn(name, seed)
      if (vector === undefined || vector.some((value, i) => value !== Math.fround(expected[i]!))) {
        throw new Error(`row ${String(id)} of ${name} has another row's vector`)
      }
      rows.set(id, seed)
    }
    if ((await collection.count()) !== rows.size) throw new Error(`count and list of ${name} differ`)
    const k = Math.max(rows.size + 10, 100)
    const found = await collection.search({ vector: vectorIn(name, 0), k, exact: true })
    if (new Set(found.map((hit) => hit.id)).size !== rows.size)
      throw new Error(`search and list of ${name} differ`)
    contents.set(name, rows)
  }
  return contents
}

/** Comparable, whatever the order of rows. */
export function fingerprint(contents: Contents): string {
  const text = (id: Id): string => `${typeof id}:${String(id)}`
  return [...contents]
    .map(
      ([name, rows]) =>
        `${name}{${[...rows]
          .map(([id, seed]) => `${text(id)}=${seed}`)
          .sort()
          .join()}}`,
    )
    .sort()
    .join(';')
}
