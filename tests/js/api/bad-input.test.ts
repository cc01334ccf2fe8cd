import { expect, it } from 'vitest'
import { type Collection, type Database, open } from 'omendb'
import { codeOf, collect, describeBoth, errorOf, openNotes, untyped } from './both-engines.js'

const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic

/** What was given, the code, and what the message has to name. */
type Case = [what: string, input: unknown, code: string, named: RegExp]

const NAMES: Case[] = [
  ['no name', undefined, 'INVALID_ARGUMENT', /string.*undefined/],
  ['a number', 5, 'INVALID_ARGUMENT', /string.*5/],
  ['an empty name', '', 'INVALID_ARGUMENT', /empty/],
  ['a lone surrogate', '\ud800', 'INVALID_ARGUMENT', /surrogate/],
]

describeBoth('open', (_openMemory, worker) => {
  it.each<Case>([
    ['an unknown option', { storge: 'memory' }, 'INVALID_ARGUMENT', /"storge".*storage, durability/],
    ['an option of a later version', { encryption: 'aes' }, 'INVALID_ARGUMENT', /"encryption"/],
    ['an unknown durability', { durability: 'lax' }, 'INVALID_ARGUMENT', /'relaxed'.*"lax"/],
    ['recreate that is no boolean', { recreate: 'yes' }, 'INVALID_ARGUMENT', /recreate.*"yes"/],
    ['a retention that is no time', { retentionMs: '1 h' }, 'INVALID_ARGUMENT', /retentionMs.*"1 h"/],
    ['options that are none', 5, 'INVALID_ARGUMENT', /object.*5/],
    ['an unknown storage', { storage: 'floppy' }, 'INVALID_ARGUMENT', /'fs'.*"floppy"/],
    ['a storage that is no adapter', { storage: {} }, 'INVALID_ARGUMENT', /StorageAdapter/],
    ['a storage of another runtime', { storage: 'indexeddb' }, 'UNSUPPORTED', /indexeddb/],
    ['worker that is no boolean', { worker: 'yes' }, 'INVALID_ARGUMENT', /worker.*"yes"/],
    ['readOnly that is no boolean', { readOnly: 1 }, 'INVALID_ARGUMENT', /readOnly.*1/],
    ['wasm that is none', { wasm: 'core.wasm' }, 'INVALID_ARGUMENT', /wasm.*"core.wasm"/],
    ['wasm that does not compile', { wasm: new Uint8Array(3) }, 'INVALID_ARGUMENT', /compile/],
    ['a signal that is none', { signal: {} }, 'INVALID_ARGUMENT', /AbortSignal/],
    ['a signal that has fired', { signal: AbortSignal.abort() }, 'ABORTED', /open/],
    ['readOnly of nothing', { readOnly: true }, 'NOT_FOUND', /"nothing"/],
  ])('refuses %s', async (_what, options, code, named) => {
    const given = typeof options === 'object' ? { storage: 'memory', worker, ...options } : options
    const error = await errorOf(open('nothing', untyped(given)))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
  })

  it.each([...NAMES, ['256 characters', 'x'.repeat(256), 'LIMIT_EXCEEDED', /255.*256/] satisfies Case])(
    'refuses %s as a name',
    async (_what, name, code, named) => {
      const error = await errorOf(open(untyped(name), { storage: 'memory', worker }))
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
    },
  )
})

describeBoth('a name of 255 characters', (openMemory, worker) => {
  it('is taken, whatever its bytes', async () => {
    const name = '日'.repeat(255)
    await using db = await open(name, { storage: 'memory', worker })
    expect((await db.stats()).name).toBe(name)
  })

  it('is taken of a collection as long as it has 255 bytes', async () => {
    const db = await openMemory()
    await db.collection('é'.repeat(127), { dimensions: 3, metric: 'l2' })
    expect(await db.collections()).toEqual(['é'.repeat(127)])
  })
})

describeBoth('collection', (openMemory) => {
  it.each<Case>([
    ['no dimensions', { metric: 'l2' }, 'INVALID_ARGUMENT', /dimensions.*16384.*undefined/],
    ['0 dimensions', { metric: 'l2', dimensions: 0 }, 'INVALID_ARGUMENT', /dimensions.*0/],
    ['16,385 dimensions', { metric: 'l2', dimensions: 16_385 }, 'LIMIT_EXCEEDED', /dimensions.*16385/],
    ['2.5 dimensions', { metric: 'l2', dimensions: 2.5 }, 'INVALID_ARGUMENT', /dimensions.*2\.5/],
    ['no metric', { dimensions: 3 }, 'INVALID_ARGUMENT', /metric.*'cosine'.*undefined/],
    ['an unknown metric', { dimensions: 3, metric: 'hamming' }, 'INVALID_ARGUMENT', /metric.*"hamming"/],
    [
      'an unknown quantization',
      { dimensions: 3, metric: 'l2', quantization: 'zip' },
      'INVALID_ARGUMENT',
      /'sq8'.*"zip"/,
    ],
    [
      'a quantization that the metric has none of',
      { dimensions: 3, metric: 'l1', quantization: 'rabitq4' },
      'INVALID_ARGUMENT',
      /RaBitQ.*l1/,
    ],
    [
      'an unknown option',
      { dimensions: 3, metric: 'l2', text: true },
      'INVALID_ARGUMENT',
      /"text".*dimensions, metric/,
    ],
    ['an M of 3', { dimensions: 3, metric: 'l2', index: { M: 3 } }, 'INVALID_ARGUMENT', /M.*4.*64.*3/],
    ['an M of 65', { dimensions: 3, metric: 'l2', index: { M: 65 } }, 'LIMIT_EXCEEDED', /M.*4.*64.*65/],
    [
      'efConstruction of 2,001',
      { dimensions: 3, metric: 'l2', index: { efConstruction: 2001 } },
      'LIMIT_EXCEEDED',
      /efConstruction.*2000.*2001/,
    ],
    ['an unknown index option', { dimensions: 3, metric: 'l2', index: { m: 8 } }, 'INVALID_ARGUMENT', /"m"/],
    [
      'efConstruction of 1',
      { dimensions: 3, metric: 'l2', index: { efConstruction: 1 } },
      'INVALID_ARGUMENT',
      /efConstruction/,
    ],
    ['options that are none', null, 'INVALID_ARGUMENT', /object.*null/],
  ])('refuses %s', async (_what, options, code, named) => {
    const db = await openMemory()
    const error = await errorOf(db.collection('notes', untyped(options)))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
    expect(await db.collections()).toEqual([])
  })

  it.each([...NAMES, ['256 bytes', 'é'.repeat(128), 'LIMIT_EXCEEDED', /255.*256/] satisfies Case])(
    'refuses %s as a name',
    async (_what, name, code, named) => {
      const db = await openMemory()
      for (const call of [
        db.collection(untyped(name), { dimensions: 3, metric: 'l2' }),
        db.drop(untyped(name)),
      ]) {
        const error = await errorOf(call)
        expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
      }
    },
  )

  it.each<[string, object, RegExp]>([
    ['dimensions', { dimensions: 4, metric: 'l2' }, /dimensions 3.*4/],
    ['metric', { dimensions: 3, metric: 'dot' }, /metric l2.*dot/],
    ['quantization', { dimensions: 3, metric: 'l2', quantization: 'none' }, /quantization auto.*none/],
    ['M', { dimensions: 3, metric: 'l2', index: { M: 8 } }, /M 16.*8/],
    [
      'efConstruction',
      { dimensions: 3, metric: 'l2', index: { efConstruction: 99 } },
      /efConstruction 200.*99/,
    ],
  ])('refuses other %s than what is stored', async (_option, options, named) => {
    const db = await openMemory()
    await db.collection('notes', { dimensions: 3, metric: 'l2' })
    const error = await errorOf(db.collection('notes', untyped(options)))
    expect([error.code, error.message]).toEqual(['SCHEMA_MISMATCH', expect.stringMatching(named)])
  })

  it('without options is NOT_FOUND when it is not there, as is dropping it', async () => {
    const db = await openMemory()
    expect(await codeOf(db.collection('nowhere'))).toBe('NOT_FOUND')
    expect(await codeOf(db.drop('nowhere'))).toBe('NOT_FOUND')
  })
})

const vector = [1, 2, 3]

describeBoth('upsert', (openMemory) => {
  it.each<Case>([
    ['nothing', undefined, 'INVALID_ARGUMENT', /array of rows.*undefined/],
    ['a row that is not in an array', { id: 1, vector }, 'INVALID_ARGUMENT', /"id".*ids, vectors/],
    ['a row that is none', [5], 'INVALID_ARGUMENT', /row 0.*5/],
    ['a row without an id', [{ vector }], 'INVALID_ARGUMENT', /row 0.*id.*undefined/],
    [
      'a row without a vector',
      [{ id: 1, vector }, { id: 2 }],
      'INVALID_ARGUMENT',
      /row 1.*vector.*undefined/,
    ],
    ['an unknown key', [{ id: 1, vector, text: 'x' }], 'INVALID_ARGUMENT', /row 0.*"text".*id, vector/],
    ['an empty id', [{ id: '', vector }], 'INVALID_ARGUMENT', /row 0.*empty/],
    ['an id of 1,025 bytes', [{ id: 'x'.repeat(1025), vector }], 'LIMIT_EXCEEDED', /row 0.*1025/],
    ['an id that is no integer', [{ id: 1.5, vector }], 'INVALID_ARGUMENT', /row 0.*1\.5/],
    ['an id that is not safe', [{ id: 2 ** 53, vector }], 'INVALID_ARGUMENT', /row 0.*safe/],
    ['an id of 65 bits', [{ id: 2n ** 63n, vector }], 'INVALID_ARGUMENT', /row 0.*64/],
    ['an id of another type', [{ id: null, vector }], 'INVALID_ARGUMENT', /row 0.*null/],
    [
      'one id twice',
      [
        { id: 1, vector },
        { id: 1, vector },
      ],
      'DUPLICATE_ID',
      /1/,
    ],
    ['too few floats', [{ id: 1, vector: [1] }], 'DIMENSION_MISMATCH', /row 0.*3.*1/],
    ['a string for a float', [{ id: 1, vector: [1, '2', 3] }], 'INVALID_ARGUMENT', /row 0.*component 1/],
    ['a hole in a vector', [{ id: 1, vector: [1, , 3] }], 'INVALID_ARGUMENT', /row 0.*component 1/], // eslint-disable-line no-sparse-arrays
    ['a vector of doubles', [{ id: 1, vector: new Float64Array(3) }], 'INVALID_ARGUMENT', /Float64Array/],
    ['NaN', [{ id: 1, vector: [1, NaN, 3] }], 'INVALID_VECTOR', /./],
    ['infinity', [{ id: 1, vector: [1, Infinity, 3] }], 'INVALID_VECTOR', /./],
    ['a double that is no float', [{ id: 1, vector: [1, 1e300, 3] }], 'INVALID_VECTOR', /./],
    [
      'a function in metadata',
      [{ id: 1, vector, metadata: { f: () => 1 } }],
      'INVALID_ARGUMENT',
      /row 0.*\.f/,
    ],
    ['a bigint in metadata', [{ id: 1, vector, metadata: { a: [1, 2n] } }], 'INVALID_ARGUMENT', /\.a\[1\]/],
    ['NaN in metadata', [{ id: 1, vector, metadata: NaN }], 'INVALID_ARGUMENT', /NaN/],
    ['a cycle in metadata', [{ id: 1, vector, metadata: cyclic }], 'INVALID_ARGUMENT', /cyclic/],
    [
      'a date in metadata',
      [{ id: 1, vector, metadata: { at: new Date(0) } }],
      'INVALID_ARGUMENT',
      /\.at.*Date/,
    ],
    ['metadata beyond 1 MiB', [{ id: 1, vector, metadata: 'x'.repeat(1 << 20) }], 'LIMIT_EXCEEDED', /row 0/],
    ['columns without ids', { vectors: new Float32Array(3) }, 'INVALID_ARGUMENT', /ids.*undefined/],
    ['columns without vectors', { ids: [1] }, 'INVALID_ARGUMENT', /Float32Array.*undefined/],
    ['columns of vectors', { ids: [1], vectors: [vector] }, 'INVALID_ARGUMENT', /Float32Array.*array of 1/],
    [
      'columns of other lengths',
      { ids: [1], vectors: new Float32Array(6) },
      'DIMENSION_MISMATCH',
      /3 floats.*6/,
    ],
    [
      'too little metadata',
      { ids: [1], vectors: new Float32Array(3), metadata: [] },
      'INVALID_ARGUMENT',
      /metadata.*array of 0/,
    ],
    [
      'an unknown column',
      { ids: [1], vectors: new Float32Array(3), texts: [''] },
      'INVALID_ARGUMENT',
      /"texts"/,
    ],
  ])('refuses %s and changes nothing', async (_what, rows, code, named) => {
    const notes = await openNotes(openMemory)
    await notes.upsert([{ id: 'there', vector, metadata: { n: 1 } }])
    const error = await errorOf(notes.upsert(untyped(rows)))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
    expect((await collect(notes.list())).map((row) => row.id)).toEqual(['there'])
  })

  it('refuses a zero vector under cosine, where it has no direction', async () => {
    const db = await openMemory()
    const notes = await db.collection('cosine', { dimensions: 3, metric: 'cosine' })
    expect(await codeOf(notes.upsert([{ id: 1, vector: [0, 0, 0] }]))).toBe('INVALID_VECTOR')
    await notes.upsert([{ id: 1, vector }])
    expect(await codeOf(notes.search({ vector: [0, 0, 0], k: 1 }))).toBe('INVALID_VECTOR')
  })

  it.each<Case>([
    ['an unknown option', { onprogress: () => 1 }, 'INVALID_ARGUMENT', /"onprogress".*onProgress/],
    ['a callback that is none', { onProgress: 5 }, 'INVALID_ARGUMENT', /onProgress.*function.*5/],
    ['a signal that is none', { signal: 'stop' }, 'INVALID_ARGUMENT', /AbortSignal.*"stop"/],
    ['a signal that has fired', { signal: AbortSignal.abort() }, 'ABORTED', /upsert/],
  ])('refuses %s', async (_what, options, code, named) => {
    const notes = await openNotes(openMemory)
    const error = await errorOf(notes.upsert([{ id: 1, vector }], untyped(options)))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
    expect(await notes.count()).toBe(0)
  })
})

describeBoth('search', (openMemory) => {
  const base = { vector, k: 1 }
  it.each<Case>([
    ['nothing', undefined, 'INVALID_ARGUMENT', /k.*undefined/],
    ['no vector', { k: 1 }, 'INVALID_ARGUMENT', /vector.*undefined/],
    ['no k', { vector }, 'INVALID_ARGUMENT', /k.*undefined/],
    ['a k of 0', { vector, k: 0 }, 'INVALID_ARGUMENT', /k.*1 to 1000000.*0/],
    ['a k of NaN', { vector, k: NaN }, 'INVALID_ARGUMENT', /k.*NaN/],
    ['a k of 2.5', { vector, k: 2.5 }, 'INVALID_ARGUMENT', /k.*2\.5/],
    ['a k of "5"', { vector, k: '5' }, 'INVALID_ARGUMENT', /k.*"5"/],
    ['a k beyond 1,000,000', { vector, k: 1_000_001 }, 'LIMIT_EXCEEDED', /k.*1000001/],
    ['an efSearch beyond 1,000,000', { ...base, efSearch: 1e6 + 1 }, 'LIMIT_EXCEEDED', /efSearch.*1000001/],
    ['an efSearch of 0', { ...base, efSearch: 0 }, 'INVALID_ARGUMENT', /efSearch.*0/],
    ['an exact that is no boolean', { ...base, exact: 1 }, 'INVALID_ARGUMENT', /exact.*1/],
    ['an include that is no array', { ...base, include: 'vector' }, 'INVALID_ARGUMENT', /include.*"vector"/],
    ['an unknown include', { ...base, include: ['vectors'] }, 'INVALID_ARGUMENT', /include.*"vectors"/],
    ['an unknown option', { ...base, filter: {} }, 'INVALID_ARGUMENT', /"filter".*vector, k/],
    ['too few floats', { vector: [1, 2], k: 1 }, 'DIMENSION_MISMATCH', /3.*2/],
    ['NaN in the vector', { vector: [1, NaN, 2], k: 1 }, 'INVALID_VECTOR', /./],
    ['a string in the vector', { vector: [1, '2', 3], k: 1 }, 'INVALID_ARGUMENT', /component 1/],
    ['a vector of another type', { vector: 'text', k: 1 }, 'INVALID_ARGUMENT', /Float32Array.*"text"/],
    ['a signal that has fired', { ...base, signal: AbortSignal.abort('why') }, 'ABORTED', /search/],
  ])('refuses %s', async (_what, options, code, named) => {
    const notes = await openNotes(openMemory)
    const error = await errorOf(notes.search(untyped(options)))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
  })

  it.each<Case>([
    ['no vectors', { k: 1 }, 'INVALID_ARGUMENT', /vectors.*undefined/],
    [
      'one vector of the wrong length',
      { k: 1, vectors: [vector, [1]] },
      'DIMENSION_MISMATCH',
      /vector 1.*3.*1/,
    ],
    [
      'a flat array of the wrong length',
      { k: 1, vectors: new Float32Array(4) },
      'DIMENSION_MISMATCH',
      /3.*4/,
    ],
    ['NaN in one vector', { k: 1, vectors: [vector, [1, NaN, 2]] }, 'INVALID_VECTOR', /./],
    ['a k of 0', { k: 0, vectors: [vector] }, 'INVALID_ARGUMENT', /k.*0/],
    ['search’s own option', { k: 1, vector }, 'INVALID_ARGUMENT', /"vector".*vectors/],
  ])('refuses a batch with %s', async (_what, options, code, named) => {
    const notes = await openNotes(openMemory)
    const error = await errorOf(notes.searchBatch(untyped(options)))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
  })
})

describeBoth('get, delete, list and count', (openMemory) => {
  type Call = (notes: Collection<{ n: number }>) => Promise<unknown>
  it.each<[string, Call, string, RegExp]>([
    ['get of one id', (notes) => notes.get(untyped('a')), 'INVALID_ARGUMENT', /array.*"a"/],
    ['get of a bad id', (notes) => notes.get([1, untyped({})]), 'INVALID_ARGUMENT', /Object/],
    [
      'get with an unknown option',
      (notes) => notes.get([1], untyped({ with: 1 })),
      'INVALID_ARGUMENT',
      /"with"/,
    ],
    [
      'get with a bad include',
      (notes) => notes.get([1], untyped({ include: [1] })),
      'INVALID_ARGUMENT',
      /include.*1/,
    ],
    ['get with a fired signal', (notes) => notes.get([1], { signal: AbortSignal.abort() }), 'ABORTED', /get/],
    ['delete of one id', (notes) => notes.delete(untyped(1)), 'INVALID_ARGUMENT', /array.*1/],
    [
      'delete by filter',
      (notes) => notes.delete(untyped({ filter: {} })),
      'INVALID_ARGUMENT',
      /array.*object/,
    ],
    ['delete of a bad id', (notes) => notes.delete([untyped(undefined)]), 'INVALID_ARGUMENT', /undefined/],
    [
      'delete with a fired signal',
      (notes) => notes.delete([1], { signal: AbortSignal.abort() }),
      'ABORTED',
      /delete/,
    ],
    [
      'list with a negative limit',
      (notes) => collect(notes.list({ limit: -1 })),
      'INVALID_ARGUMENT',
      /limit.*-1/,
    ],
    [
      'list after a bad id',
      (notes) => collect(notes.list({ after: untyped({}) })),
      'INVALID_ARGUMENT',
      /Object/,
    ],
    [
      'list with an unknown option',
      (notes) => collect(notes.list(untyped({ offset: 1 }))),
      'INVALID_ARGUMENT',
      /"offset"/,
    ],
    [
      'count with a filter',
      (notes) => notes.count(untyped({ filter: {} })),
      'INVALID_ARGUMENT',
      /"filter".*signal/,
    ],
    [
      'count with a fired signal',
      (notes) => notes.count({ signal: AbortSignal.abort() }),
      'ABORTED',
      /count/,
    ],
  ])('refuse %s', async (_what, call, code, named) => {
    const notes = await openNotes(openMemory)
    await notes.upsert([{ id: 1, vector }])
    const error = await errorOf(call(notes))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(named)])
    expect(await notes.count()).toBe(1)
  })
})

/** Every public call, with arguments that are right. */
const CALLS: [string, (db: Database, notes: Collection<{ n: number }>) => Promise<unknown>][] = [
  ['upsert', (_db, notes) => notes.upsert([{ id: 1, vector }])],
  ['upsert of nothing', (_db, notes) => notes.upsert([])],
  ['delete', (_db, notes) => notes.delete([1])],
  ['get', (_db, notes) => notes.get([1])],
  ['search', (_db, notes) => notes.search({ vector, k: 1 })],
  ['searchBatch', (_db, notes) => notes.searchBatch({ vectors: [vector], k: 1 })],
  ['list', (_db, notes) => collect(notes.list())],
  ['count', (_db, notes) => notes.count()],
  ['stats of a collection', (_db, notes) => notes.stats()],
  ['collection', (db) => db.collection('notes')],
  ['collections', (db) => db.collections()],
  ['drop', (db) => db.drop('notes')],
  ['flush', (db) => db.flush()],
  ['idle', (db) => db.idle()],
  ['stats', (db) => db.stats()],
]

describeBoth('a closed database', (openMemory) => {
  it.each(CALLS)('refuses %s with CLOSED', async (_what, call) => {
    const db = await openMemory()
    const notes = await db.collection<{ n: number }>('notes', { dimensions: 3, metric: 'l2' })
    await db.close()
    expect(await codeOf(call(db, notes))).toBe('CLOSED')
    await db.close()
  })
})

describeBoth('a dropped collection', (openMemory) => {
  const touchesRows = CALLS.filter(([name]) => !name.includes('nothing')).slice(0, 8)
  it.each(touchesRows)(
    'answers %s with NOT_FOUND, also when its name is taken again',
    async (_what, call) => {
      const db = await openMemory()
      const notes = await db.collection<{ n: number }>('notes', { dimensions: 3, metric: 'l2' })
      await notes.upsert([{ id: 1, vector }])
      await db.drop('notes')
      const error = await errorOf(call(db, notes))
      expect([error.code, error.message]).toEqual(['NOT_FOUND', expect.stringMatching(/"notes" was dropped/)])
      const again = await db.collection('notes', { dimensions: 3, metric: 'l2' })
      expect(await again.count()).toBe(0)
      expect(await codeOf(call(db, notes))).toBe('NOT_FOUND')
    },
  )

  it('is told apart from a row that is not there', async () => {
    const db = await openMemory()
    const notes = await db.collection<{ n: number }>('notes', { dimensions: 3, metric: 'l2' })
    const missing = await errorOf(collect(notes.list({ after: 'nowhere' })))
    expect([missing.code, missing.message]).toEqual(['NOT_FOUND', expect.stringMatching(/row/)])
    await db.drop('notes')
    const dropped = await errorOf(collect(notes.list({ after: 'nowhere' })))
    expect([dropped.code, dropped.message]).toEqual([
      'NOT_FOUND',
      expect.stringMatching(/"notes" was dropped/),
    ])
  })

  it('says so to a write of several parts, with the rows that were in', async () => {
    const db = await openMemory()
    const notes = await db.collection('notes', { dimensions: 3, metric: 'l2' })
    const ids = Array.from({ length: 200_000 }, (_, i) => i)
    let dropping: Promise<void> | undefined
    const error = await errorOf(
      notes.upsert(
        { ids, vectors: new Float32Array(3 * ids.length) },
        {
          onProgress: () => {
            dropping ??= db.drop('notes')
          },
        },
      ),
    )
    await dropping
    expect([error.code, error.message]).toEqual(['NOT_FOUND', expect.stringMatching(/"notes" was dropped/)])
    expect(error.committedRows).toBeGreaterThan(0)
  })
})
