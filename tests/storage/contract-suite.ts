/**
 * The storage contract as tests. Nothing here knows a test runner: a case is a name and an async function that
 * throws, so the same cases run in Node, in a page, and in workerd.
 */
import { OBJECT_CASES } from './contract-object-cases.js'
import { RELAXED_CASES } from './contract-relaxed-cases.js'
import { DAMAGE_CASES, DATABASE_CASES, EVICTION_CASES, WRITER_CASES } from './contract-session-cases.js'
import { type ContractCase, contractCase, HEAD_A, HEAD_B, withReader, withWriter } from './contract-case.js'
import { assertBytes, assertEqual, pattern } from './contract-environment.js'

const HEAD_CASES: readonly ContractCase[] = [
  contractCase('a new database has no head and no objects', async (environment) => {
    await withWriter(environment, environment.databaseName('new'), async (session) => {
      assertEqual(await session.readHead(), null, 'head')
      assertEqual(await session.list(''), [], 'list')
      assertEqual(await session.get('d1'), null, 'get')
    })
  }),
  contractCase('the head is replaced only when it equals the expected one', async (environment) => {
    await withWriter(environment, environment.databaseName('cas'), async (session) => {
      assertEqual(
        await session.compareAndSetHead(HEAD_A, HEAD_B),
        false,
        'expected a head where there is none',
      )
      assertEqual(await session.readHead(), null, 'head after a refusal')
      assertEqual(await session.compareAndSetHead(null, HEAD_A), true, 'first head')
      assertEqual(await session.compareAndSetHead(null, HEAD_B), false, 'expected none where there is one')
      assertEqual(await session.compareAndSetHead(HEAD_A.subarray(0, 2), HEAD_B), false, 'expected a prefix')
      assertEqual(await session.compareAndSetHead(HEAD_B, HEAD_A), false, 'expected another head')
      assertBytes(await session.readHead(), HEAD_A, 'head after refusals')
      assertEqual(await session.compareAndSetHead(HEAD_A, HEAD_B), true, 'second head')
      assertBytes(await session.readHead(), HEAD_B, 'second head')
      assertEqual(await session.compareAndSetHead(HEAD_B, HEAD_B), true, 'a head may be set to itself')
    })
  }),
  contractCase('a head is kept as it was given, whatever happens to the buffer', async (environment) => {
    await withWriter(environment, environment.databaseName('head-copy'), async (session) => {
      const large = pattern(3 * 4096, 7)
      const given = large.subarray(4096, 8192)
      const expected = given.slice()
      await session.compareAndSetHead(null, given)
      large.fill(0)
      assertBytes(await session.readHead(), expected, 'head')
      ;(await session.readHead())?.fill(9)
      assertBytes(await session.readHead(), expected, 'head after a reader changed its copy')
    })
  }),
  contractCase(
    'twenty heads in quick succession all arrive in order',
    async (environment) => {
      const database = environment.databaseName('heads')
      await withWriter(environment, database, async (session) => {
        let head: Uint8Array | null = null
        for (let i = 0; i < 20; i++) {
          const next = pattern(100, i)
          assertEqual(await session.compareAndSetHead(head, next), true, `head ${i}`)
          head = next
        }
        assertBytes(await session.readHead(), pattern(100, 19), 'last head')
      })
      await withReader(environment, database, async (session) => {
        assertBytes(await session.readHead(), pattern(100, 19), 'last head for a reader')
      })
    },
    ['compareAndSet'],
  ),
]

export const CONTRACT_CASES: readonly ContractCase[] = [
  ...HEAD_CASES,
  ...OBJECT_CASES,
  ...RELAXED_CASES,
  ...DATABASE_CASES,
  ...WRITER_CASES,
  ...DAMAGE_CASES,
  ...EVICTION_CASES,
]
