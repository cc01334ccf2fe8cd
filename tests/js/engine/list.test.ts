import { expect, it } from 'vitest'
import { memoryStorage } from '../../../storage/memory.js'
import { openInPlace, OPTIONS } from './open-in-place.js'

it('list goes on although rows were compacted away several times since its last page', async () => {
  const { db } = await openInPlace(memoryStorage())
  const collection = await db.collection('notes', OPTIONS)
  const count = 12_000
  const ids = Array.from({ length: count }, (_, i) => i)
  await collection.upsert({ ids, vectors: new Float32Array(4 * count).map((_, i) => Math.sin(i)) })
  const seen: unknown[] = []
  let kept = ids
  for await (const { id } of collection.list({ include: [] })) {
    seen.push(id)
    if (seen.length !== 10) continue
    // The end of the first page stays, so that its rows can tell where they are now.
    for (let round = 1; round <= 3; round += 1) {
      const isGone = (each: number): boolean => each >= 2000 && each % 4 !== 0
      await collection.delete(kept.filter(isGone))
      kept = kept.filter((each) => !isGone(each))
      await db.idle()
      expect((await collection.stats()).deletedRows).toBe(0)
      // Rows at the end, which the next round takes away.
      const more = Array.from({ length: 8000 }, (_, i) => 100_000 * round + i)
      await collection.upsert({ ids: more, vectors: new Float32Array(4 * more.length).fill(round) })
      kept = [...kept, ...more]
    }
  }
  expect(seen).toEqual(kept)
  await db.close()
})
