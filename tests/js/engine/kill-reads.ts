/** What kill tests read of a database that was opened again, in Node and in pages. */
import type { Database } from 'omendb'
import { type Rows, vectorOf } from './kill-script.js'

/** Searches after each kill. */
const SEARCHES = 20

/** All rows of all collections; throws when one is not whole. */
export async function readRows(db: Database): Promise<Rows> {
  const rows = new Map<string, number>()
  for (const name of await db.collections()) {
    for await (const { id, vector, metadata } of (await db.collection<number>(name)).list()) {
      const key = `${name}/${String(id)}`
      const written = vectorOf(name, Number(id), metadata!)
      const isWhole = vector?.length === written.length && vector.every((value, i) => value === written[i])
      if (!isWhole) throw new Error(`${key} of write ${metadata} came back as ${String(vector?.slice(0, 4))}`)
      rows.set(key, metadata!)
    }
  }
  return rows
}

/** Searches for rows that are there; throws when one is not found, or something is that is not there. */
export async function checkSearches(db: Database, rows: Rows, random: () => number): Promise<void> {
  const keys = [...rows.keys()]
  for (let i = 0; i < SEARCHES && keys.length > 0; i += 1) {
    const key = keys[Math.floor(random() * keys.length)]!
    const [name, id] = key.split('/') as [string, string]
    const collection = await db.collection<number>(name)
    const vector = vectorOf(name, Number(id), rows.get(key)!)
    const [nearest] = await collection.search({ vector, k: 3, exact: true })
    if (nearest?.id !== Number(id) || nearest.metadata !== rows.get(key))
      throw new Error(`the nearest to ${key} is ${String(nearest?.id)} of write ${nearest?.metadata}`)
    // By the graph, where there is one.
    for (const hit of await collection.search({ vector, k: 10 })) {
      if (hit.metadata !== rows.get(`${name}/${String(hit.id)}`))
        throw new Error(
          `a search finds ${name}/${String(hit.id)} of write ${hit.metadata}, which is not there`,
        )
    }
  }
}
