import {
  type ContractCase,
  contractCase,
  HEAD_A,
  HEAD_B,
  MEBIBYTE,
  withReader,
  withWriter,
} from './contract-case.js'
import { assertBytes, assertCode, assertEqual, pattern } from './contract-environment.js'
import { randomOf } from './seeded-random.js'

/** Databases and their names, readers and closed sessions. */
export const DATABASE_CASES: readonly ContractCase[] = [
  contractCase('hostile database names are databases of their own', async (environment) => {
    const { hostileNames } = environment
    for (const [i, database] of hostileNames.entries()) {
      await withWriter(environment, database, async (session) => {
        assertEqual(await session.readHead(), null, `head of ${JSON.stringify(database)}`)
        await session.compareAndSetHead(null, pattern(50, i))
        await session.put([{ name: 'd-1', bytes: pattern(60, i) }], pattern(50, i))
      })
    }
    for (const [i, database] of hostileNames.entries()) {
      await withReader(environment, database, async (session) => {
        assertBytes(await session.readHead(), pattern(50, i), `head of ${JSON.stringify(database)}`)
        assertBytes(await session.get('d-1'), pattern(60, i), `object of ${JSON.stringify(database)}`)
        assertEqual(await session.list(''), ['d-1'], `names of ${JSON.stringify(database)}`)
      })
    }
  }),
  contractCase('a database name that is empty, none or too long is refused', async (environment) => {
    const adapter = environment.createAdapter()
    for (const mode of ['read', 'write'] as const) {
      await assertCode(adapter.open('', mode), 'INVALID_ARGUMENT', `empty, ${mode}`)
      await assertCode(adapter.open('x'.repeat(5000), mode), 'LIMIT_EXCEEDED', `too long, ${mode}`)
      await assertCode(adapter.open(7 as never, mode), 'INVALID_ARGUMENT', `a number, ${mode}`)
    }
  }),
  contractCase(
    'a reader of a database that is not there finds nothing and creates nothing',
    async (environment) => {
      const database = environment.databaseName('absent')
      await withReader(environment, database, async (session) => {
        assertEqual(await session.readHead(), null, 'head')
        assertEqual(await session.get('d-1'), null, 'get')
        assertEqual(await session.list(''), [], 'list')
        assertEqual((await session.usage()).usedBytes, 0, 'used bytes')
        assertEqual(await environment.exists?.(database), environment.exists && false, 'exists while open')
        await withWriter(environment, database, async (writer) => {
          await writer.compareAndSetHead(null, HEAD_A)
          await writer.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_A)
          assertBytes(await session.readHead(), HEAD_A, 'head once a writer made it')
          assertBytes(await session.get('d-1'), pattern(10, 1), 'object once a writer put it')
          assertEqual(await session.list(''), ['d-1'], 'names once a writer put one')
          await writer.delete(['d-1'])
          assertEqual(await session.get('d-1'), null, 'object once the writer deleted it')
          assertEqual(await session.list(''), [], 'names once the writer deleted it')
        })
      })
    },
  ),
  contractCase(
    'opening to read leaves no trace',
    async (environment) => {
      const database = environment.databaseName('no-trace')
      for (let i = 0; i < 3; i++) {
        await withReader(environment, database, async (session) => {
          await session.readHead()
        })
        assertEqual(await environment.exists?.(database), false, 'exists')
      }
      await withWriter(environment, database, async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
      })
      assertEqual(await environment.exists?.(database), true, 'exists after a writer')
    },
    ['exists'],
  ),
  contractCase('a session opened to read refuses writes with READ_ONLY', async (environment) => {
    const database = environment.databaseName('read-only')
    await withWriter(environment, database, async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      await session.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_A)
    })
    await withReader(environment, database, async (session) => {
      await assertCode(session.compareAndSetHead(HEAD_A, HEAD_B), 'READ_ONLY', 'compareAndSetHead')
      await assertCode(session.put([{ name: 'd-2', bytes: pattern(1, 1) }], HEAD_A), 'READ_ONLY', 'put')
      await assertCode(session.sync(), 'READ_ONLY', 'sync')
      await assertCode(session.delete(['d-1']), 'READ_ONLY', 'delete')
      assertBytes(await session.get('d-1'), pattern(10, 1), 'object')
    })
  }),
  contractCase('a closed session answers CLOSED, and closes again', async (environment) => {
    for (const mode of ['write', 'read'] as const) {
      const session = await environment.createAdapter().open(environment.databaseName(`closed-${mode}`), mode)
      await session.readHead()
      await Promise.all([session.close(), session.close()])
      await session.close()
      await assertCode(session.readHead(), 'CLOSED', 'readHead')
      await assertCode(session.get('d-1'), 'CLOSED', 'get')
      await assertCode(session.list(''), 'CLOSED', 'list')
      await assertCode(session.usage(), 'CLOSED', 'usage')
      await assertCode(session.compareAndSetHead(null, HEAD_A), 'CLOSED', 'compareAndSetHead')
      await assertCode(session.put([], HEAD_A), 'CLOSED', 'put')
      await assertCode(session.sync(), 'CLOSED', 'sync')
      await assertCode(session.delete(['d-1']), 'CLOSED', 'delete')
    }
  }),
]

/** One writer at a time. */
export const WRITER_CASES: readonly ContractCase[] = [
  contractCase(
    'a second writer is LOCKED until the first one closes; readers are not',
    async (environment) => {
      const database = environment.databaseName('lock')
      await withWriter(environment, database, async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
        await assertCode(environment.createAdapter().open(database, 'write'), 'LOCKED', 'second writer')
        await assertCode(environment.createAdapter().open(database, 'write'), 'LOCKED', 'third writer')
        await withReader(environment, database, async (reader) => {
          assertBytes(await reader.readHead(), HEAD_A, 'head for a reader')
        })
        await withWriter(environment, environment.databaseName('lock-other'), async (other) => {
          assertEqual(await other.readHead(), null, 'another database')
        })
        await session.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_A)
      })
      for (let i = 0; i < 3; i++) {
        await withWriter(environment, database, async (session) => {
          assertBytes(await session.get('d-1'), pattern(10, 1), 'object for the next writer')
        })
      }
    },
    ['compareAndSet'],
  ),
  contractCase(
    'of ten that open at once one becomes the writer',
    async (environment) => {
      const database = environment.databaseName('race')
      for (let round = 0; round < 3; round++) {
        const opened = await Promise.allSettled(
          Array.from({ length: 10 }, () => environment.createAdapter().open(database, 'write')),
        )
        const sessions = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
        await Promise.all(sessions.map((session) => session.close()))
        assertEqual(sessions.length, 1, `writers in round ${round}`)
        for (const result of opened) {
          if (result.status === 'rejected')
            await assertCode(Promise.reject(result.reason as Error), 'LOCKED', 'a loser')
        }
      }
    },
    ['compareAndSet'],
  ),
  contractCase('put with a head that is no longer the stored one is LOCKED', async (environment) => {
    await withWriter(environment, environment.databaseName('stale-head'), async (session) => {
      await session.compareAndSetHead(null, HEAD_A)
      await session.compareAndSetHead(HEAD_A, HEAD_B)
      await assertCode(session.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_A), 'LOCKED', 'put')
      await assertCode(session.put([], HEAD_A), 'LOCKED', 'put of nothing')
      await session.put([], HEAD_B)
      await session.put([{ name: 'd-2', bytes: pattern(10, 2) }], HEAD_B)
      assertBytes(await session.get('d-2'), pattern(10, 2), 'object')
    })
  }),
  contractCase(
    'a writer whose lock was taken is stopped by the new head',
    async (environment) => {
      const database = environment.databaseName('fencing')
      const old = await environment.createAdapter().open(database, 'write')
      await old.compareAndSetHead(null, HEAD_A)
      await old.put([{ name: 'w-1', bytes: pattern(100, 1) }], HEAD_A)
      const rival = await environment.createRival!(database)
      const next = await rival.open(database, 'write')
      try {
        await old.put([{ name: 'w-2', bytes: pattern(100, 2) }], HEAD_A)
        assertEqual(await next.compareAndSetHead(HEAD_A, HEAD_B), true, 'the rival takes over')
        await assertCode(old.put([{ name: 'w-3', bytes: pattern(100, 3) }], HEAD_A), 'LOCKED', 'late put')
        assertEqual(await old.compareAndSetHead(HEAD_A, pattern(5, 5)), false, 'late head')
        assertBytes(await next.readHead(), HEAD_B, 'head')
        await next.put([{ name: 'w-4', bytes: pattern(100, 4) }], HEAD_B)
        for (const [name, seed] of [
          ['w-1', 1],
          ['w-2', 2],
          ['w-4', 4],
        ] as const) {
          assertBytes(await next.get(name), pattern(100, seed), name)
        }
        const third = await next.get('w-3')
        if (third !== null) assertBytes(third, pattern(100, 3), 'w-3 is whole when it is there')
      } finally {
        await old.close()
        await next.close()
      }
      await withReader(environment, database, async (session) => {
        assertBytes(await session.readHead(), HEAD_B, 'head afterwards')
        assertBytes(await session.get('w-4'), pattern(100, 4), 'the rival’s object afterwards')
      })
    },
    ['rival', 'compareAndSet'],
  ),
  contractCase(
    'two writers in turns: only the one that set the head writes, to what is there',
    async (environment) => {
      const database = environment.databaseName('turns')
      const first = await environment.createAdapter().open(database, 'write')
      await first.compareAndSetHead(null, pattern(9, 0))
      const rival = await environment.createRival!(database)
      const second = await rival.open(database, 'write')
      const random = randomOf(7)
      const stored = new Map<string, Uint8Array>()
      let [leader, other] = [first, second]
      let head = 0
      try {
        for (let turn = 1; turn <= 12; turn++) {
          for (let i = 0; i < 3; i++) {
            const name = `w-${turn}-${i}`
            const bytes = pattern(Math.floor(random() * 3_000), turn * 10 + i)
            await leader.put([{ name, bytes }], pattern(9, head), { relaxed: random() < 0.5 })
            stored.set(name, bytes)
          }
          const [oldest = ''] = stored.keys()
          await leader.delete([oldest])
          stored.delete(oldest)
          assertEqual(await other.compareAndSetHead(pattern(9, head), pattern(9, turn)), true, `turn ${turn}`)
          const late = leader.put([{ name: `late-${turn}`, bytes: pattern(50, turn) }], pattern(9, head))
          await assertCode(late, 'LOCKED', `late put ${turn}`)
          assertEqual(await leader.compareAndSetHead(pattern(9, head), pattern(3, turn)), false, 'late head')
          head = turn
          ;[leader, other] = [other, leader]
          const found = (await leader.list('w-')).sort()
          assertEqual(found, [...stored.keys()].sort(), `names in turn ${turn}`)
          for (const [name, bytes] of stored) assertBytes(await leader.get(name), bytes, name)
        }
      } finally {
        await leader.close()
        await other.close()
      }
      await withReader(environment, database, async (session) => {
        for (const [name, bytes] of stored) assertBytes(await session.get(name), bytes, `${name} afterwards`)
      })
    },
    ['rival', 'compareAndSet'],
  ),
]

/** What is broken is never taken for what is absent. */
export const DAMAGE_CASES: readonly ContractCase[] = [
  contractCase(
    'damaged bookkeeping is CORRUPTION, not an absence',
    async (environment) => {
      const database = environment.databaseName('damage')
      await withWriter(environment, database, async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
        await session.put([{ name: 'd-1', bytes: pattern(42 * MEBIBYTE, 1) }], HEAD_A)
      })
      await environment.damage!(database, 'd-1')
      // Opening may find it, or the first read that needs it.
      const reading = withReader(environment, database, async (session) => {
        await session.get('d-1')
      })
      await assertCode(reading, 'CORRUPTION', 'opening and reading')
    },
    ['damage'],
  ),
  contractCase(
    'a connection that was lost is made anew, for writers and readers',
    async (environment) => {
      const database = environment.databaseName('lost')
      await withWriter(environment, database, async (writer) => {
        await writer.compareAndSetHead(null, HEAD_A)
        await writer.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_A)
        await withReader(environment, database, async (reader) => {
          assertBytes(await reader.get('d-1'), pattern(10, 1), 'object')
          await environment.loseConnection!(database)
          assertBytes(await reader.get('d-1'), pattern(10, 1), 'object for a reader')
          assertBytes(await writer.get('d-1'), pattern(10, 1), 'object for the writer')
          await environment.loseConnection!(database)
          await writer.put([{ name: 'd-2', bytes: pattern(10, 2) }], HEAD_A)
          await environment.loseConnection!(database)
          assertEqual(await writer.compareAndSetHead(HEAD_A, HEAD_B), true, 'head')
          await environment.loseConnection!(database)
          await writer.delete(['d-1'])
          await environment.loseConnection!(database)
          await writer.sync()
          assertBytes(await reader.readHead(), HEAD_B, 'head for a reader')
          assertEqual(await reader.list(''), ['d-2'], 'names for a reader')
        })
        await assertCode(environment.createAdapter().open(database, 'write'), 'LOCKED', 'a second writer')
      })
    },
    ['connection'],
  ),
]

/** What vanished is told from what never was, where the adapter can. */
export const EVICTION_CASES: readonly ContractCase[] = [
  contractCase(
    'what vanishes under its sessions is EVICTED for all of them, and nothing is made in its place',
    async (environment) => {
      const database = environment.databaseName('vanishing')
      const writer = await environment.createAdapter().open(database, 'write')
      await writer.compareAndSetHead(null, HEAD_A)
      await writer.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_A)
      const reader = await environment.createAdapter().open(database, 'read')
      assertBytes(await reader.get('d-1'), pattern(10, 1), 'object')
      await environment.evict!(database)
      await assertCode(writer.put([{ name: 'd-2', bytes: pattern(10, 2) }], HEAD_A), 'EVICTED', 'put')
      await assertCode(writer.sync(), 'EVICTED', 'sync')
      await assertCode(writer.compareAndSetHead(HEAD_A, HEAD_B), 'EVICTED', 'compareAndSetHead')
      await assertCode(writer.readHead(), 'EVICTED', 'readHead')
      await assertCode(writer.get('d-1'), 'EVICTED', 'get')
      await assertCode(writer.list(''), 'EVICTED', 'list')
      await assertCode(writer.delete(['d-1']), 'EVICTED', 'delete')
      await assertCode(reader.readHead(), 'EVICTED', 'readHead of a reader')
      await assertCode(reader.get('d-1'), 'EVICTED', 'get of a reader')
      await writer.close()
      await reader.close()
      assertEqual(await environment.exists?.(database), environment.exists && false, 'exists')
    },
    ['evict', 'evictOpen'],
  ),
  contractCase(
    'what vanished is EVICTED when it is opened, until it is made anew',
    async (environment) => {
      const database = environment.databaseName('vanished')
      await withWriter(environment, database, async (session) => {
        await session.compareAndSetHead(null, HEAD_A)
      })
      await environment.evict!(database)
      for (const mode of ['write', 'read', 'write'] as const) {
        await assertCode(environment.createAdapter().open(database, mode), 'EVICTED', mode)
        assertEqual(await environment.exists?.(database), environment.exists && false, `exists after ${mode}`)
      }
      const anew = await environment.createAdapter().open(database, 'write', { recreate: true })
      assertEqual(await anew.readHead(), null, 'head')
      await anew.compareAndSetHead(null, HEAD_B)
      await anew.put([{ name: 'd-1', bytes: pattern(10, 1) }], HEAD_B)
      await anew.close()
      // There is something to keep again, so recreating keeps it.
      const kept = await environment.createAdapter().open(database, 'write', { recreate: true })
      assertBytes(await kept.readHead(), HEAD_B, 'head after recreating twice')
      await kept.close()
      await environment.evict!(database)
      await assertCode(environment.createAdapter().open(database, 'write'), 'EVICTED', 'vanished again')
    },
    ['evict'],
  ),
  contractCase(
    'what was opened and never written to is new, not EVICTED',
    async (environment) => {
      const database = environment.databaseName('never-written')
      for (let i = 0; i < 2; i++) {
        await withWriter(environment, database, async (session) => {
          assertEqual(await session.readHead(), null, 'head')
        })
        await environment.evict!(database)
      }
    },
    ['evict'],
  ),
]
