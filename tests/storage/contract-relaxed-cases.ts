import { type ContractCase, contractCase, HEAD_A, HEAD_B, withReader, withWriter } from './contract-case.js'
import { assertBytes, assertCode, assertEqual, pattern } from './contract-environment.js'

const RELAXED = { relaxed: true }

/** Puts that may be durable later. What a crash of the machine leaves of them no test here can see. */
export const RELAXED_CASES: readonly ContractCase[] = [
  contractCase(
    'a relaxed put is seen at once, and is there after closing and opening',
    async (environment) => {
      const database = environment.databaseName('relaxed')
      const objects = [0, 1, 4096, 100_000, 5_000_000].map((size, i) => ({
        name: `w-${i}`,
        bytes: pattern(size, i),
      }))
      await withWriter(environment, database, async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
        for (const object of objects) {
          await session.put([object], HEAD_A, RELAXED)
          assertBytes(await session.get(object.name), object.bytes, object.name)
          assertBytes(
            await session.get(object.name, { start: 1, end: 5 }),
            object.bytes.subarray(1, 5),
            `range of ${object.name}`,
          )
        }
        assertEqual((await session.list('w-')).length, objects.length, 'names')
        if (!environment.createAdapter().capabilities.consistentReads) return
        await withReader(environment, database, async (reader) => {
          for (const { name, bytes } of objects)
            assertBytes(await reader.get(name), bytes, `${name} for a reader`)
          assertEqual((await reader.list('w-')).length, objects.length, 'names for a reader')
        })
        const sizes = objects.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
        assertEqual((await session.usage()).usedBytes, sizes + HEAD_A.byteLength, 'used bytes')
      })
      await withWriter(environment, database, async (session) => {
        assertEqual((await session.list('')).length, objects.length, 'names after reopening')
        for (const { name, bytes } of objects) assertBytes(await session.get(name), bytes, `${name} reopened`)
      })
    },
  ),
  contractCase('sync, strict puts and deletions between relaxed puts lose none', async (environment) => {
    const database = environment.databaseName('relaxed-mixed')
    await withWriter(environment, database, async (session) => {
      await session.sync()
      await session.compareAndSetHead(null, HEAD_A)
      await session.sync()
      for (let i = 0; i < 24; i++) {
        const object = { name: `w-${i}`, bytes: pattern(100 + i, i) }
        await session.put([object], HEAD_A, { relaxed: i % 4 !== 3 })
        if (i % 6 === 5) await session.sync()
        if (i % 5 === 4) await session.delete([`w-${i - 1}`])
      }
      await session.sync()
      await session.sync()
    })
    const expected = Array.from({ length: 24 }, (_, i) => i).filter((i) => (i + 1) % 5 !== 4 || i > 22)
    await withReader(environment, database, async (session) => {
      assertEqual((await session.list('')).sort(), expected.map((i) => `w-${i}`).sort(), 'names')
      for (const i of expected) assertBytes(await session.get(`w-${i}`), pattern(100 + i, i), `w-${i}`)
    })
  }),
  contractCase(
    'a relaxed put is refused like any other: a taken name, a replaced head',
    async (environment) => {
      await withWriter(environment, environment.databaseName('relaxed-refused'), async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
        await session.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_A, RELAXED)
        const again = [{ name: 'd-1', bytes: pattern(10, 2) }]
        for (const relaxed of [true, false]) {
          await assertCode(session.put(again, HEAD_A, { relaxed }), 'LOCKED', `taken, relaxed: ${relaxed}`)
          await session.sync()
          await assertCode(session.put(again, HEAD_A, { relaxed }), 'LOCKED', `synced, relaxed: ${relaxed}`)
        }
        assertBytes(await session.get('d-1'), pattern(10, 1), 'object')
        await session.compareAndSetHead(HEAD_A, HEAD_B)
        const late = [{ name: 'd-2', bytes: pattern(10, 2) }]
        await assertCode(session.put(late, HEAD_A, RELAXED), 'LOCKED', 'old head')
      })
    },
    ['compareAndSet'],
  ),
]
