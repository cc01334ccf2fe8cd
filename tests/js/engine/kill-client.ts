/**
 * The process that the kill test kills: several writers at once in one folder, and a flush now and then.
 *
 *     kill-client FOLDER SEED FIRST_NUMBER DURABILITY WORKER
 */
import { type Collection, type Database, type Durability, open } from 'omendb'
import { seededRandom } from '../../storage/seeded-random.js'
import { nextWrite, NOTES, type Said, TAGS, vectorOf, type Write, WRITERS } from './kill-script.js'

const [folder, seed, firstNumber, durability, worker] = process.argv.slice(2) as [
  string,
  string,
  string,
  Durability,
  string,
]
let number = Number(firstNumber)

/** Written when this returns: the outputs of a process are synchronous here. */
function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

type Writable = Pick<Collection, 'upsert' | 'delete'>

async function carryOut(
  { number: held, upserts, deletes }: Write,
  find: (name: string) => Promise<Writable>,
): Promise<void> {
  for (const [name, ids] of Object.entries(deletes)) await (await find(name)).delete(ids)
  for (const [name, ids] of Object.entries(upserts)) {
    const rows = ids.map((id) => ({ id, vector: vectorOf(name, id, held), metadata: held }))
    await (await find(name)).upsert(rows)
  }
}

async function writeForever(db: Database, writer: number): Promise<never> {
  const { random } = seededRandom(Number(seed) * WRITERS + writer)
  for (;;) {
    const write = nextWrite(writer, (number += 1), random)
    say({ is: 'begun', write })
    if (write.isTransaction) {
      // Nobody else writes these ids, so a conflict would be a mistake, and ends the process.
      await db.transaction((transaction) => carryOut(write, (name) => transaction.collection(name)))
    } else {
      await carryOut(write, (name) => db.collection(name))
    }
    say({ is: 'done', number: write.number })
    if (random() < 0.05) await db.flush()
  }
}

try {
  const db = await open(folder, { storage: 'fs', durability, worker: worker === 'true' })
  for (const { name, options } of [NOTES, TAGS]) await db.collection(name, options)
  say({ is: 'open' })
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeForever(db, writer)))
} catch (error) {
  say({ is: 'failed', message: String(error) })
}
