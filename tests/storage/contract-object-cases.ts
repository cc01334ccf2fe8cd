import { type ContractCase, contractCase, HEAD_A, MEBIBYTE, withReader, withWriter } from './contract-case.js'
import { assert, assertBytes, assertCode, assertEqual, pattern } from './contract-environment.js'

/** Objects: whole, immutable, found by name and by prefix. */
export const OBJECT_CASES: readonly ContractCase[] = [
  contractCase('what was put is read back, also after closing and opening', async (environment) => {
    const database = environment.databaseName('persist')
    const objects = [0, 1, 3, 4096, 100_000].map((size, i) => ({ name: `d-${i}`, bytes: pattern(size, i) }))
    await withWriter(environment, database, async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      await session.put(objects, HEAD_A)
      for (const { name, bytes } of objects) assertBytes(await session.get(name), bytes, name)
    })
    await withWriter(environment, database, async (session) => {
      assertBytes(await session.readHead(), HEAD_A, 'head')
      for (const { name, bytes } of objects) assertBytes(await session.get(name), bytes, `${name} reopened`)
    })
    await withReader(environment, database, async (session) => {
      assertBytes(await session.readHead(), HEAD_A, 'head for a reader')
      for (const { name, bytes } of objects)
        assertBytes(await session.get(name), bytes, `${name} for a reader`)
    })
  }),
  contractCase(
    'objects are kept as they were given, whatever happens to the buffers',
    async (environment) => {
      await withWriter(environment, environment.databaseName('copies'), async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
        const memory = pattern(64 * 1024, 5)
        const bytes = memory.subarray(1000, 5096)
        const expected = bytes.slice()
        await session.put([{ name: 'd-1', bytes }], HEAD_A)
        memory.fill(0)
        assertBytes(await session.get('d-1'), expected, 'object')
        ;(await session.get('d-1'))?.fill(9)
        assertBytes(await session.get('d-1'), expected, 'object after a reader changed its copy')
      })
    },
  ),
  contractCase(
    'a name is taken once: a second put is LOCKED and changes nothing',
    async (environment) => {
      await withWriter(environment, environment.databaseName('immutable'), async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
        await session.put([{ name: 'd-1', bytes: pattern(100, 1) }], HEAD_A)
        await assertCode(
          session.put([{ name: 'd-1', bytes: pattern(100, 2) }], HEAD_A),
          'LOCKED',
          'second put',
        )
        assertBytes(await session.get('d-1'), pattern(100, 1), 'object')
        await session.put([{ name: 'd-2', bytes: pattern(10, 3) }], HEAD_A)
        assertBytes(await session.get('d-2'), pattern(10, 3), 'the session goes on')
      })
    },
    ['compareAndSet'],
  ),
  contractCase(
    'with atomic multi-put one taken name refuses all of them',
    async (environment) => {
      await withWriter(environment, environment.databaseName('atomic'), async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
        await session.put([{ name: 'd-2', bytes: pattern(10, 2) }], HEAD_A)
        const batch = ['d-1', 'd-2', 'd-3'].map((name) => ({ name, bytes: pattern(50, 3) }))
        for (const relaxed of [false, true]) {
          await assertCode(session.put(batch, HEAD_A, { relaxed }), 'LOCKED', `batch, relaxed: ${relaxed}`)
          assertEqual((await session.list('')).sort(), ['d-2'], 'names')
          assertEqual(await session.get('d-1'), null, 'd-1')
          assertBytes(await session.get('d-2'), pattern(10, 2), 'd-2')
        }
      })
    },
    ['atomic'],
  ),
  contractCase('ranges are cut at the object’s end', async (environment) => {
    await withWriter(environment, environment.databaseName('ranges'), async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      const bytes = pattern(10_000, 4)
      await session.put([{ name: 'd-1', bytes }], HEAD_A)
      for (const [start, end] of [
        [0, 10_000],
        [0, 1],
        [9_999, 10_000],
        [4_000, 4_001],
        [17, 9_000],
        [5, 5],
      ] as const) {
        assertBytes(
          await session.get('d-1', { start, end }),
          bytes.subarray(start, end),
          `[${start}, ${end})`,
        )
      }
      assertBytes(
        await session.get('d-1', { start: 9_990, end: 20_000 }),
        bytes.subarray(9_990),
        'beyond the end',
      )
      assertBytes(
        await session.get('d-1', { start: 20_000, end: 30_000 }),
        new Uint8Array(0),
        'all beyond the end',
      )
      assertEqual(await session.get('d-2', { start: 0, end: 1 }), null, 'range of an absent object')
      for (const [start, end] of [
        [-1, 5],
        [5, 4],
        [0.5, 2],
        [0, Number.NaN],
      ] as const) {
        await assertCode(session.get('d-1', { start, end }), 'INVALID_ARGUMENT', `[${start}, ${end})`)
      }
    })
  }),
  contractCase('many ranges, and reads within a turn, are as many reads', async (environment) => {
    await withWriter(environment, environment.databaseName('many-ranges'), async (session) => {
      const large = pattern(700_000, 3)
      await session.compareAndSetHead(null, HEAD_A)
      const small = pattern(1000, 5)
      await session.put([{ name: 'd-1', bytes: large }], HEAD_A)
      await session.put([{ name: 'd-2', bytes: small }], HEAD_A)
      const ranges = [
        { name: 'd-1', start: 0, end: 1 },
        { name: 'd-1', start: 131_000, end: 262_200 },
        { name: 'd-1', start: 131_072, end: 131_080 },
        { name: 'd-3', start: 0, end: 4 },
        { name: 'd-2', start: 10, end: 990 },
        { name: 'd-1', start: 699_990, end: 700_000 },
      ]
      const parts = await session.getRanges?.(ranges)
      for (const [i, { name, start, end }] of ranges.entries()) {
        const expected = await session.get(name, { start, end })
        if (expected === null) assertEqual(parts?.[i] ?? null, null, `range ${i}`)
        else if (parts !== undefined) assertBytes(parts[i] ?? null, expected, `range ${i}`)
      }
      assertEqual(
        session.readNow !== undefined,
        environment.createAdapter().capabilities.synchronousReads,
        'readNow is there where reads are synchronous',
      )
      if (session.readNow === undefined) return
      const reads = ranges
        .filter(({ name }) => name !== 'd-3')
        .map(({ name, start, end }) => ({ name, start, into: new Uint8Array(end - start) }))
      assert(session.readNow(reads), 'what was just read can be read at once')
      for (const { name, start, into } of reads) {
        const source = name === 'd-1' ? large : small
        assertBytes(into, source.subarray(start, start + into.byteLength), `${name} from ${start}`)
      }
      const absent = { name: 'd-3', start: 0, into: new Uint8Array(4) }
      assertEqual(session.readNow([absent]), false, 'an absent object')
      await session.delete(['d-2'])
      assertEqual(session.readNow([{ ...absent, name: 'd-2' }]), false, 'a deleted object')
    })
  }),
  contractCase('objects of 20 MiB, and ranges across their chunks', async (environment) => {
    const database = environment.databaseName('big')
    const sizes = [20 * MEBIBYTE, 4 * MEBIBYTE, 4 * MEBIBYTE + 1, 8 * MEBIBYTE]
    const objects = sizes.map((size, i) => ({ name: `d-${i}`, bytes: pattern(size, i + 20) }))
    await withWriter(environment, database, async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      for (const object of objects) await session.put([object], HEAD_A)
    })
    await withReader(environment, database, async (session) => {
      for (const { name, bytes } of objects) assertBytes(await session.get(name), bytes, name)
      const big = objects[0]!.bytes
      for (const chunk of [4 * MEBIBYTE, 8 * MEBIBYTE, 16 * MEBIBYTE]) {
        for (const [start, end] of [
          [chunk - 5, chunk + 5],
          [chunk, chunk + 1],
          [chunk - 1, chunk],
        ] as const) {
          assertBytes(
            await session.get('d-0', { start, end }),
            big.subarray(start, end),
            `[${start}, ${end})`,
          )
        }
      }
      const all = { start: 1, end: big.byteLength - 1 }
      assertBytes(await session.get('d-0', all), big.subarray(1, -1), 'all but two bytes')
    })
  }),
  contractCase('an object above the stated limit is LIMIT_EXCEEDED', async (environment) => {
    const { largestObjectBytes } = environment.createAdapter().capabilities
    await withWriter(environment, environment.databaseName('too-large'), async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      // Only its length is looked at: no runtime has room for the bytes themselves.
      const bytes = Object.defineProperty(new Uint8Array(8), 'byteLength', { value: largestObjectBytes + 1 })
      await assertCode(session.put([{ name: 'd-1', bytes }], HEAD_A), 'LIMIT_EXCEEDED', 'put')
      assertEqual(await session.list(''), [], 'names')
    })
  }),
  contractCase('1,500 objects: listed by prefix, measured, deleted', async (environment) => {
    const database = environment.databaseName('many')
    const all = Array.from({ length: 1_500 }, (_, i) => ({
      name: `${i % 3 === 0 ? 'w' : 'd'}${String(i).padStart(6, '0')}`,
      bytes: pattern(20, i),
    }))
    await withWriter(environment, database, async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      for (let i = 0; i < all.length; i += 500) await session.put(all.slice(i, i + 500), HEAD_A)
    })
    await withWriter(environment, database, async (session) => {
      const sorted = all.map(({ name }) => name).sort()
      assertEqual((await session.list('')).sort(), sorted, 'all names')
      assertEqual(
        (await session.list('w')).sort(),
        sorted.filter((name) => name.startsWith('w')),
        'names with w',
      )
      assertEqual((await session.list('w00000')).length, 4, 'names with w00000')
      assertEqual(await session.list('x'), [], 'names with x')
      assertEqual((await session.usage()).usedBytes, 1_500 * 20 + HEAD_A.byteLength, 'used bytes')
      assertBytes(await session.get(all[777]!.name), all[777]!.bytes, 'one of them')
      await session.delete(sorted.slice(0, 1_400))
      assertEqual((await session.list('')).sort(), sorted.slice(1_400), 'names left')
    })
  }),
  contractCase('deleting is idempotent, and takes chunks along', async (environment) => {
    const database = environment.databaseName('delete')
    await withWriter(environment, database, async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      await session.put([{ name: 'd-1', bytes: pattern(9 * MEBIBYTE, 1) }], HEAD_A)
      await session.put([{ name: 'd-10', bytes: pattern(9 * MEBIBYTE, 2) }], HEAD_A)
      await session.delete(['d-1', 'd-absent'])
      await session.delete(['d-1'])
      await session.delete([])
      assertEqual(await session.get('d-1'), null, 'deleted object')
      assertEqual(await session.list(''), ['d-10'], 'names')
      assertEqual((await session.usage()).usedBytes, 9 * MEBIBYTE + HEAD_A.byteLength, 'used bytes')
    })
    await withWriter(environment, database, async (session) => {
      assertEqual(await session.get('d-1'), null, 'deleted object after reopening')
      assertBytes(await session.get('d-10'), pattern(9 * MEBIBYTE, 2), 'its neighbour')
    })
  }),
  contractCase('object names outside the contract are INVALID_ARGUMENT', async (environment) => {
    await withWriter(environment, environment.databaseName('names'), async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      const bytes = new Uint8Array(1)
      for (const name of ['', '..', 'a/b', 'A', 'a.b', 'ä', 'x'.repeat(65), 'a\0']) {
        await assertCode(
          session.put([{ name, bytes }], HEAD_A),
          'INVALID_ARGUMENT',
          `put ${JSON.stringify(name)}`,
        )
        await assertCode(session.get(name), 'INVALID_ARGUMENT', `get ${JSON.stringify(name)}`)
        await assertCode(session.delete([name]), 'INVALID_ARGUMENT', `delete ${JSON.stringify(name)}`)
      }
      const twice = [
        { name: 'a', bytes },
        { name: 'a', bytes },
      ]
      await assertCode(session.put(twice, HEAD_A), 'INVALID_ARGUMENT', 'one name twice')
      const longest = 'x'.repeat(64)
      await session.put([{ name: longest, bytes }], HEAD_A)
      assertEqual(await session.list(''), [longest], 'names')
    })
  }),
  contractCase('reads that overlap a write see the old or the new state', async (environment) => {
    await withWriter(environment, environment.databaseName('overlap'), async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      for (let i = 0; i < 10; i++) {
        const name = `w-${i}`
        const bytes = pattern(300_000, i)
        const [, during, listed] = await Promise.all([
          session.put([{ name, bytes }], HEAD_A),
          session.get(name),
          session.list('w-'),
        ])
        if (during !== null) assertBytes(during, bytes, name)
        assert(
          listed.length === i || listed.length === i + 1,
          `listed ${listed.length} names during put ${i}`,
        )
        assertBytes(await session.get(name), bytes, `${name} afterwards`)
      }
    })
  }),
]
