import { describe, expect, test } from 'vitest'
import { PackLog, type PackSizes } from '../../storage/pack-log.js'
import { PackReader } from '../../storage/pack-reader.js'
import { assertBytes, pattern } from './contract-environment.js'
import { MemoryPackFolder } from './memory-pack-folder.js'
import { seededRandom } from './seeded-random.js'

const SMALL: PackSizes = { packBytes: 4_000, ownPackBytes: 2_000, worthwhileBytes: 500 }

/** What the objects are, by name. */
type Model = Map<string, Uint8Array>

async function contents(log: PackLog): Promise<Model> {
  const found: Model = new Map()
  for (const name of log.names) found.set(name, await log.read(name, 0, log.sizeOf(name)!))
  return found
}

function expectEqual(found: Model, expected: Model): void {
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [name, bytes] of expected) assertBytes(found.get(name)!, bytes, name)
}

function object(name: string, sizeBytes: number): { name: string; bytes: Uint8Array } {
  return { name, bytes: pattern(sizeBytes, Number.parseInt(name.replace(/\D/g, ''), 10)) }
}

/** Every prefix of the last pack, and the objects that must be there at least: those whose put was flushed. */
async function writeSome(
  folder: MemoryPackFolder,
  relaxed: boolean,
): Promise<{ end: number; names: string[] }[]> {
  const log = await PackLog.open(folder)
  const ends: { end: number; names: string[] }[] = [{ end: 32, names: [] }]
  const names: string[] = []
  for (const [i, size] of [0, 5, 64, 300, 1].entries()) {
    const batch =
      i === 3 ? [object('b-30', size), object('b-31', 9), object('b-32', 17)] : [object(`o-${i}`, size)]
    await log.put(batch, relaxed)
    names.push(...batch.map(({ name }) => name))
    ends.push({ end: folder.files.get(1)!.byteLength, names: [...names] })
  }
  return ends
}

describe('a last pack that was cut off', () => {
  test.each([false, true])('at any byte keeps all whole batches before it (relaxed: %s)', async (relaxed) => {
    const written = new MemoryPackFolder()
    const ends = await writeSome(written, relaxed)
    const whole = written.files.get(1)!
    for (let cut = 0; cut <= whole.byteLength; cut++) {
      const folder = MemoryPackFolder.of(new Map([[1, whole.slice(0, cut)]]))
      const log = await PackLog.open(folder)
      const expected = ends.findLast(({ end }) => end <= cut)?.names ?? []
      expect([...log.names].sort(), `cut at ${cut}`).toEqual([...expected].sort())
      // What was cut off makes room for what comes next.
      await log.put([object('n-7', 40)], false)
      await log.seal()
      const reopened = await PackLog.open(folder)
      expectEqual(
        await contents(reopened),
        new Map([
          ...expected.map((name) => [name, sizedLike(name)] as const),
          ['n-7', object('n-7', 40).bytes] as const,
        ]),
      )
    }
  })

  test('with zeros or old bytes in place of what was not written is cut as well', async () => {
    const written = new MemoryPackFolder()
    const ends = await writeSome(written, false)
    const whole = written.files.get(1)!
    const { end: lastStart, names } = ends.at(-2)!
    for (let cut = lastStart; cut < whole.byteLength; cut += 3) {
      for (const fill of [0, 0xaa]) {
        const torn = whole.slice()
        torn.fill(fill, cut)
        const log = await PackLog.open(MemoryPackFolder.of(new Map([[1, torn]])))
        // One byte of content and zeros behind it may be what was written.
        const isWhole = torn.every((byte, i) => byte === whole[i] || i >= whole.byteLength - 7)
        expect([...log.names].sort(), `from ${cut}`).toEqual(
          [...(isWhole ? ends.at(-1)!.names : names)].sort(),
        )
      }
    }
  })

  test('of relaxed puts keeps the first ones, whichever bytes arrived', async () => {
    const written = new MemoryPackFolder()
    const ends = await writeSome(written, true)
    const whole = written.files.get(1)!
    for (let damaged = 0; damaged < ends.length - 1; damaged++) {
      const torn = whole.slice()
      torn.fill(0, ends[damaged]!.end, ends[damaged + 1]!.end)
      const log = await PackLog.open(MemoryPackFolder.of(new Map([[1, torn]])))
      expect([...log.names].sort()).toEqual([...ends[damaged]!.names].sort())
    }
  })
})

describe('a pack that is damaged', () => {
  test('anywhere below what was durable is CORRUPTION, or read as it was', async () => {
    const written = new MemoryPackFolder()
    const ends = await writeSome(written, false)
    const whole = written.files.get(1)!
    const durable = ends.at(-2)!.end
    const expected = new Map(ends.at(-1)!.names.map((name) => [name, sizedLike(name)]))
    let found = 0
    for (let at = 0; at < durable; at++) {
      const damaged = whole.slice()
      damaged[at]! ^= 0x41
      const folder = MemoryPackFolder.of(new Map([[1, damaged]]))
      try {
        // Contents have checksums of their own, which the engine looks at.
        expect([...(await PackLog.open(folder)).names].sort()).toEqual([...expected.keys()].sort())
      } catch (error) {
        expect(error, `byte ${at}`).toMatchObject({ code: 'CORRUPTION' })
        found++
        expect(folder.files.get(1)).toEqual(damaged)
      }
    }
    // All bytes of headers: five puts are seven records, and the last put is not durable here.
    expect(found).toBe(32 + 6 * 112)
  })

  test('and sealed is CORRUPTION also where it is short, or not the last one', async () => {
    const written = new MemoryPackFolder()
    await writeSome(written, false)
    const log = await PackLog.open(written)
    await log.seal()
    const sealed = written.files.get(1)!
    const next = new MemoryPackFolder()
    await writeSome(next, false)
    const two = (first: Uint8Array): MemoryPackFolder =>
      MemoryPackFolder.of(
        new Map([
          [1, first],
          [2, next.files.get(1)!],
        ]),
      )
    await expect(PackLog.open(two(sealed))).resolves.toBeDefined()
    // Without any content it counts as removed: see below.
    for (let cut = 1; cut < sealed.byteLength; cut++) {
      await expect(PackLog.open(two(sealed.slice(0, cut))), `cut at ${cut}`).rejects.toMatchObject({
        code: 'CORRUPTION',
      })
    }
  })

  test('is not taken for another one whose bytes an object holds', async () => {
    const inner = new MemoryPackFolder()
    await writeSome(inner, false)
    const bytes = inner.files.get(1)!
    const outer = new MemoryPackFolder()
    const log = await PackLog.open(outer)
    await log.put([{ name: 'a-1', bytes }], false)
    const torn = outer.files.get(1)!.slice(0, -400)
    expect([...(await PackLog.open(MemoryPackFolder.of(new Map([[1, torn]])))).names]).toEqual([])
  })

  test('of a later version is UNSUPPORTED_VERSION', async () => {
    const { crc32c } = await import('../../storage/crc32c.js')
    const written = new MemoryPackFolder()
    await writeSome(written, false)
    const bytes = written.files.get(1)!
    const view = new DataView(bytes.buffer)
    view.setUint32(4, 2, true)
    view.setUint32(28, crc32c(bytes.subarray(0, 28)), true)
    await expect(PackLog.open(written)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
  })
})

describe('space in packs', () => {
  test('comes back when a pack holds nothing, or mostly what was deleted', async () => {
    const folder = new MemoryPackFolder()
    const log = await PackLog.open(folder, SMALL)
    const model: Model = new Map()
    for (let i = 0; i < 60; i++) {
      const { name, bytes } = object(`o-${i}`, 400)
      await log.put([{ name, bytes }], false)
      model.set(name, bytes)
    }
    const full = folder.usedBytes
    const gone = [...model.keys()].filter((_, i) => i % 4 !== 0)
    await log.delete(gone)
    for (const name of gone) model.delete(name)
    expect(folder.usedBytes).toBeLessThan(full * 0.55)
    expectEqual(await contents(log), model)
    expectEqual(await contents(await PackLog.open(MemoryPackFolder.of(folder.files), SMALL)), model)
    await log.delete(model.keys())
    expect(folder.usedBytes).toBeLessThan(SMALL.packBytes)
    expect([...(await PackLog.open(MemoryPackFolder.of(folder.files), SMALL)).names]).toEqual([])
  })

  test('of a pack whose name a crash left behind, without content, comes back as well', async () => {
    const folder = new MemoryPackFolder()
    const log = await PackLog.open(folder, SMALL)
    for (let i = 0; i < 20; i++) await log.put([object(`o-${i}`, 500)], false)
    const model: Model = new Map([['o-4', object('o-4', 500).bytes]])
    const before = await folder.list()
    await log.delete([...log.names].filter((name) => !model.has(name)))
    const left = before.filter((number) => !folder.files.has(number))
    expect(left.length).toBeGreaterThan(1)

    for (const number of left) folder.files.set(number, new Uint8Array(0))
    const reader = new PackReader(folder)
    expect(await reader.names()).toEqual(['o-4'])
    expectEqual(await contents(await PackLog.open(folder, SMALL)), model)
    for (const number of left) expect(folder.files.has(number), `pack ${number}`).toBe(false)
    expect(await reader.names()).toEqual(['o-4'])
  })

  test('of a pack that goes away while it is read leaves readers all objects', async () => {
    // One in the first pack, one in the last: both are copied to a new one.
    const kept = ['o-19', 'o-4']
    const folder = new MemoryPackFolder()
    const log = await PackLog.open(folder, SMALL)
    for (let i = 0; i < 20; i++) await log.put([object(`o-${i}`, 500)], false)
    const before = await folder.list()
    await log.delete([...log.names].filter((name) => !kept.includes(name)))

    // The reader lists the packs before the copy of what lives, and reads them after the content of one is gone.
    const later = [...folder.files.keys()]
    expect(Math.max(...later)).toBeGreaterThan(Math.max(...before))
    for (const number of before) {
      if (!folder.files.has(number)) folder.files.set(number, new Uint8Array(0))
    }
    let lists = 0
    const reader = new PackReader({
      list: async () => ((lists += 1) === 1 ? before : later),
      snapshot: (number) => folder.snapshot(number),
    })
    expect((await reader.names()).sort()).toEqual(kept)
  })

  test('of one that is damaged stays, so that the damage is found', async () => {
    const folder = new MemoryPackFolder()
    const log = await PackLog.open(folder, SMALL)
    for (let i = 0; i < 16; i++) await log.put([object(`o-${i}`, 400)], false)
    const bytes = folder.files.get(1)!
    bytes[32 + 112]! ^= 1
    await log.delete(Array.from({ length: 7 }, (_, i) => `o-${i + 1}`))
    expect([...folder.files.keys()]).toContain(1)
    expect((await log.read('o-0', 0, 400))[0]).toBe(pattern(400, 0)[0]! ^ 1)
  })

  test('runs out without harm, and is used again once something was deleted', async () => {
    const folder = new MemoryPackFolder()
    folder.roomBytes = 30_000
    const log = await PackLog.open(folder, SMALL)
    const model: Model = new Map()
    for (let round = 0; round < 6; round++) {
      for (let i = 0; ; i++) {
        const { name, bytes } = object(`o-${round}${i}`, 300 + i)
        try {
          await log.put([{ name, bytes }], i % 2 === 0)
        } catch (error) {
          expect(error).toMatchObject({ code: 'QUOTA_EXCEEDED' })
          break
        }
        model.set(name, bytes)
      }
      expect(model.size).toBeGreaterThan(20)
      expectEqual(await contents(log), model)
      expectEqual(await contents(await PackLog.open(MemoryPackFolder.of(folder.files), SMALL)), model)
      const gone = [...model.keys()].slice(0, -5)
      await log.delete(gone)
      for (const name of gone) model.delete(name)
    }
  })

  test('a flush that fails leaves the end in doubt, and nothing more is written', async () => {
    const folder = new MemoryPackFolder()
    const log = await PackLog.open(folder, SMALL)
    await log.put([object('o-1', 10)], false)
    folder.flushError = new Error('the disk is gone')
    await expect(log.put([object('o-2', 10)], false)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    const before = folder.files.get(1)!.byteLength
    await expect(log.put([object('o-3', 10)], false)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await expect(log.delete(['o-1'])).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await log.seal()
    expect(folder.files.get(1)!.byteLength).toBe(before)
  })
})

describe('random operations', () => {
  test.for(Array.from({ length: 12 }, (_, i) => i))(
    'leave what a map has, for writers and readers (%i)',
    async (salt) => {
      const { random, seed } = seededRandom(salt)
      const folder = new MemoryPackFolder()
      let log = await PackLog.open(folder, SMALL)
      const reader = new PackReader(folder)
      const model: Model = new Map()
      /** What a crash may not take: the state at the last flush of everything. */
      let number = 0
      for (let step = 0; step < 300; step++) {
        const what = random()
        if (what < 0.6) {
          const batch = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
            object(`o-${number++}`, Math.floor(random() * (random() < 0.1 ? 3_000 : 300))),
          )
          await log.put(batch, random() < 0.5)
          for (const { name, bytes } of batch) model.set(name, bytes)
        } else if (what < 0.85) {
          const gone = [...model.keys()].filter(() => random() < 0.3)
          await log.delete(gone)
          for (const name of gone) model.delete(name)
        } else if (what < 0.9) {
          await log.sync()
        } else if (what < 0.95) {
          await log.seal()
          log = await PackLog.open(folder, SMALL)
        } else {
          // The writer ends without a word; what it wrote is in the files.
          log = await PackLog.open(folder, SMALL)
        }
        if (step % 10 === 0) {
          expect((await reader.names()).sort(), `seed ${seed}, step ${step}`).toEqual(
            [...model.keys()].sort(),
          )
          for (const [name, bytes] of model) {
            assertBytes(
              await reader.get(name, (size) => ({ start: 0, end: size })),
              bytes,
              `seed ${seed}: ${name}`,
            )
          }
        }
      }
      expectEqual(await contents(log), model)
    },
  )

  test.for(Array.from({ length: 12 }, (_, i) => i))(
    'a loss of power takes the last relaxed puts only (%i)',
    async (salt) => {
      const { random, seed } = seededRandom(1_000 + salt)
      const folder = new MemoryPackFolder()
      const log = await PackLog.open(folder, SMALL)
      const names: string[] = []
      let durable = 0
      for (let i = 0; i < 60; i++) {
        const isRelaxed = random() < 0.7
        await log.put([object(`o-${i}`, Math.floor(random() * 500))], isRelaxed)
        names.push(`o-${i}`)
        if (!isRelaxed) durable = names.length
      }
      for (let attempt = 0; attempt < 20; attempt++) {
        const files = new Map<number, Uint8Array>()
        for (const [number, bytes] of folder.files) {
          const lost = bytes.slice()
          // Above what was flushed any block may be missing, and the end too.
          for (let at = folder.flushedBytes.get(number)!; at < lost.byteLength; at += 64) {
            if (random() < 0.2) lost.fill(0, at, at + 64)
          }
          const flushed = folder.flushedBytes.get(number)!
          files.set(number, lost.slice(0, flushed + Math.floor(random() * (lost.byteLength - flushed + 1))))
        }
        const reopened = await PackLog.open(MemoryPackFolder.of(files), SMALL)
        const found = [...reopened.names]
        expect(found.length, `seed ${seed}`).toBeGreaterThanOrEqual(durable)
        expect(found.sort()).toEqual(names.slice(0, found.length).sort())
      }
    },
  )
})

const SIZES: Record<string, number> = {
  'o-0': 0,
  'o-1': 5,
  'o-2': 64,
  'b-30': 300,
  'b-31': 9,
  'b-32': 17,
  'o-4': 1,
}

function sizedLike(name: string): Uint8Array {
  return object(name, SIZES[name]!).bytes
}
