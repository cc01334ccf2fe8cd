/**
 * The process that the kill test kills: several writers at once in one folder.
 *
 *     kill-client FOLDER SEED LAST_NUMBER DURABILITY WORKER
 */
import { type Durability, open } from 'omendb'
import type { Said } from './kill-script.js'
import { writeUntilKilled } from './kill-writers.js'

const [folder, seed, lastNumber, durability, worker] = process.argv.slice(2) as [
  string,
  string,
  string,
  Durability,
  string,
]

/** Written when this returns: the outputs of a process are synchronous here. */
function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

try {
  const db = await open(folder, { storage: 'fs', durability, worker: worker === 'true' })
  await writeUntilKilled(db, { seed: Number(seed), lastNumber: Number(lastNumber) }, say)
} catch (error) {
  say({ is: 'failed', message: String(error) })
}
