/** The writers that kill tests kill, in Node and in pages: several at once, and a flush now and then. */
import type { Collection, Database } from 'omendb'
import { randomOf } from '../../storage/seeded-random.js'
import { nextWrite, NOTES, type Said, TAGS, vectorOf, type Write, WRITERS } from './kill-script.js'

export interface WriterOptions {
  readonly seed: number
  /** The numbers of writes begin after this one. */
  readonly lastNumber: number
}

/** Resolves when it was heard: what it says must outlive the writers. */
export type Say = (said: Said) => void | Promise<void>

type Writable = Pick<Collection, 'upsert' | 'delete'>

async function carryOut(
  { number, upserts, deletes }: Write,
  find: (name: string) => Promise<Writable>,
): Promise<void> {
  for (const [name, ids] of Object.entries(deletes)) await (await find(name)).delete(ids)
  for (const [name, ids] of Object.entries(upserts)) {
    const rows = ids.map((id) => ({ id, vector: vectorOf(name, id, number), metadata: number }))
    await (await find(name)).upsert(rows)
  }
}

export async function writeUntilKilled(
  db: Database,
  { seed, lastNumber }: WriterOptions,
  say: Say,
): Promise<void> {
  let number = lastNumber
  const writeOn = async (writer: number): Promise<never> => {
    const random = randomOf(seed * WRITERS + writer)
    for (;;) {
      const write = nextWrite(writer, (number += 1), random)
      await say({ is: 'begun', write })
      if (write.isTransaction) {
        // Nobody else writes these ids, so a conflict would be a mistake, and ends the process.
        await db.transaction((transaction) => carryOut(write, (name) => transaction.collection(name)))
      } else {
        await carryOut(write, (name) => db.collection(name))
      }
      await say({ is: 'done', number: write.number })
      if (random() < 0.05) await db.flush()
    }
  }
  for (const { name, options } of [NOTES, TAGS]) await db.collection(name, options)
  await say({ is: 'open' })
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeOn(writer)))
}
