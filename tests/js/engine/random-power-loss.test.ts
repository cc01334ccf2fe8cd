import { expect, it } from 'vitest'
import type { Collection } from '../../../js/api/collection.js'
import { openInPlace, OPTIONS, vectorOf } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

const SEED = Number(process.env['OMENDB_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const ROUNDS = 40
const WRITERS = 12

/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One id, written by one writer: which of its versions are acknowledged, and which were asked for. 0: not there. */
interface Versions {
  acknowledged: number
  asked: number
  isDelete: boolean[]
}

async function writeUntilPowerLoss(
  collection: Collection<number>,
  id: number,
  versions: Versions,
  random: () => number,
): Promise<void> {
  for (;;) {
    versions.asked += 1
    const version = versions.asked
    const isDelete = random() < 0.2
    versions.isDelete[version] = isDelete
    if (isDelete) await collection.delete([id])
    else await collection.upsert([{ id, vector: vectorOf(version), metadata: version }])
    versions.acknowledged = version
  }
}

it(
  `many writers at once lose no acknowledged write to power losses at random ` +
    `(rerun: OMENDB_TEST_SEED=${SEED} npx vitest run --project unit tests/js/engine/random-power-loss.test.ts)`,
  async () => {
    let disk = new SimulatedDisk()
    const all = Array.from({ length: WRITERS }, (): Versions => ({
      acknowledged: 0,
      asked: 0,
      isDelete: [true],
    }))
    for (let round = 0; round < ROUNDS; round += 1) {
      // Of its own: what the round before left running must not draw from it.
      const random = randomFrom(SEED + round)
      const lost = Math.floor(random() * 40)
      const done = (['none', 'half', 'all'] as const)[Math.floor(random() * 3)]!
      disk.plan = ({ index }) => (index === lost ? { done, answer: 'power loss' } : null)
      const life = async (): Promise<void> => {
        const { db } = await openInPlace(disk)
        const collection = await db.collection<number>('notes', OPTIONS)
        const checkpoints = async (): Promise<void> => {
          for (;;) {
            await new Promise(setImmediate)
            if (random() < 0.3) await db.flush()
          }
        }
        await Promise.all([
          checkpoints(),
          ...all.map((versions, id) => writeUntilPowerLoss(collection, id, versions, random)),
        ])
      }
      await Promise.race([life(), disk.powerLoss])

      const next = disk.restarted()
      const { db } = await openInPlace(next)
      const names = await db.collections()
      const rows =
        names.length === 0 ? [] : await (await db.collection<number>('notes')).get(all.map((_, id) => id))
      for (const [id, versions] of all.entries()) {
        const found = rows[id]?.metadata ?? 0
        const allowed: number[] = []
        for (let version = versions.acknowledged; version <= versions.asked; version += 1) {
          allowed.push(versions.isDelete[version] === true ? 0 : version)
        }
        expect(allowed, `round ${round}, row ${id}, power lost at operation ${lost}`).toContain(found)
        if (found !== 0) expect(rows[id]?.vector).toEqual(new Float32Array(vectorOf(found)))
        // What was found is what counts from here on.
        versions.asked += 1
        versions.acknowledged = versions.asked
        versions.isDelete[versions.asked] = found === 0
        if (found !== 0) {
          const collection = await db.collection<number>('notes')
          await collection.upsert([{ id, vector: vectorOf(versions.asked), metadata: versions.asked }])
        }
      }
      await db.close()
      disk = next.restarted()
    }
  },
)
