import { describe, expect, test } from 'vitest'
import { prepareHeadSlots, readHeadSlots, writeHeadSlot } from '../../storage/head-slots.js'
import { pattern } from './contract-environment.js'
import { MemoryPackFolder } from './memory-pack-folder.js'

const SLOT_BYTES = 64 * 1024

/** The file of the head after replacing it by each of `heads` in turn. */
async function fileWith(heads: readonly Uint8Array[]): Promise<Uint8Array> {
  const folder = new MemoryPackFolder()
  const file = await folder.create(1)
  await prepareHeadSlots(file)
  let head = await readHeadSlots(file)
  for (const bytes of heads) head = await writeHeadSlot(file, head, bytes)
  return folder.files.get(1)!
}

async function headOf(file: Uint8Array): Promise<Uint8Array | null> {
  const found = await readHeadSlots({
    size: async () => file.byteLength,
    read: async (start, end) => file.subarray(start, end),
  })
  return found?.bytes ?? null
}

describe('the slots of a head', () => {
  test('hold the last of any number of heads', async () => {
    expect(await headOf(new Uint8Array(0))).toBeNull()
    expect(await headOf(await fileWith([]))).toBeNull()
    for (let count = 1; count < 6; count++) {
      const heads = Array.from({ length: count }, (_, i) => pattern(50 * (count - i), i))
      expect(await headOf(await fileWith(heads))).toEqual(heads.at(-1))
    }
  })

  test('keep the head before while the next one is written, whatever arrives of it', async () => {
    for (const count of [0, 1, 2, 3]) {
      const heads = Array.from({ length: count + 1 }, (_, i) => pattern(40 + i, i))
      const before = await fileWith(heads.slice(0, -1))
      const after = await fileWith(heads)
      const changed = [...after.keys()].filter((i) => after[i] !== before[i])
      for (let cut = changed[0]!; cut <= changed.at(-1)!; cut++) {
        const torn = after.slice()
        torn.set(before.subarray(cut, cut + SLOT_BYTES / 2), cut)
        expect(await headOf(torn), `head ${count}, cut at ${cut}`).toEqual(heads.at(-2) ?? null)
      }
    }
  })

  test('of which none is whole are CORRUPTION', async () => {
    const file = await fileWith([pattern(40, 1), pattern(40, 2)])
    file[30]! ^= 1
    expect(await headOf(file)).toEqual(pattern(40, 1))
    file[SLOT_BYTES + 30]! ^= 1
    await expect(headOf(file)).rejects.toMatchObject({ code: 'CORRUPTION' })
  })

  test('take heads of up to their size, and need no room to replace them', async () => {
    const folder = new MemoryPackFolder()
    const file = await folder.create(1)
    await prepareHeadSlots(file)
    folder.roomBytes = folder.usedBytes
    const large = pattern(SLOT_BYTES - 24, 1)
    const first = await writeHeadSlot(file, null, large)
    await writeHeadSlot(file, first, pattern(SLOT_BYTES - 24, 2))
    expect(await headOf(folder.files.get(1)!)).toEqual(pattern(SLOT_BYTES - 24, 2))
    await expect(writeHeadSlot(file, first, pattern(SLOT_BYTES - 23, 1))).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    })
  })
})
