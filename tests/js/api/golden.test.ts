/** The stored database of format version 1 (tests/golden/README.md), through the public API. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CollectionView, type Database, type Id, type JsonValue, open, type OpenOptions } from 'omendb'
import { codeOf, collect, ENGINES } from './both-engines.js'
import { copyGolden } from './golden-folder.js'

const FIRST_COMMIT_MS = 1_700_000_000_000
const COMMITS = 18
const OLDEST = 5
/** The commit that brought the places. */
const UPLOAD = 9

interface Stored {
  readonly vector: readonly number[]
  readonly metadata?: JsonValue
}
type Rows = Map<Id, Stored>

// ---- What is stored, in the same formulas as tests/core/engine/golden_database.cc -------------------------

const PERIODS = [61, 59, 53, 47, 43, 41, 37, 31]

const articleVector = (n: number): number[] =>
  PERIODS.map((period, d) => ((n * (2 * d + 3)) % period) - Math.floor(period / 2))

const article = (n: number): Stored =>
  n % 3 === 0
    ? { vector: articleVector(n), metadata: { n, even: n % 2 === 0 } }
    : { vector: articleVector(n) }

function placeVector(n: number): number[] {
  const vector = new Array<number>(256).fill(0)
  vector[0] = n % 40
  vector[1] = Math.floor(n / 40)
  vector[255] = 1
  return vector
}

/** As a Map keeps them: in order of insertion, with a replaced row at the end. */
function replace(rows: Rows, id: Id, vector: readonly number[], metadata?: JsonValue): void {
  rows.delete(id)
  rows.set(id, metadata === undefined ? { vector } : { vector, metadata })
}

function articlesAt(sequence: number): Rows {
  const rows: Rows = new Map(Array.from({ length: 1100 }, (_, n) => [n, article(n)]))
  for (const n of [3, 40, 41, 900, 901, 902, 903]) rows.delete(n)
  if (sequence >= 7) {
    replace(rows, 'a-1', articleVector(2001), { title: 'Grüße' })
    replace(rows, -(2n ** 63n), articleVector(2002), 0)
    replace(rows, 10, articleVector(2003), {})
    replace(rows, 10n, articleVector(2004))
  }
  if (sequence >= 8) for (const n of [20, 21]) rows.delete(n)
  if (sequence >= 11) {
    replace(rows, 'a-1', articleVector(2005), { title: 'changed' })
    rows.delete(22)
  }
  if (sequence >= 15) {
    replace(rows, 2000, articleVector(2006))
    replace(rows, 30, articleVector(2007), { n: 'thirty' })
  }
  if (sequence >= 16) for (const id of [31, 'a-1']) rows.delete(id)
  return rows
}

function placesAt(sequence: number): Rows {
  const rows: Rows = new Map()
  if (sequence < UPLOAD) return rows
  for (let n = 0; n < 1100; n += 1) replace(rows, n - 550, placeVector(n))
  if (sequence >= 11) replace(rows, 'Zürich', placeVector(1200), { country: 'CH' })
  if (sequence >= 12) for (const n of [-550, 549]) rows.delete(n)
  if (sequence >= 15) rows.delete(0)
  return rows
}

function draftsAt(sequence: number): Rows | null {
  if (sequence >= 10) return null
  const rows: Rows = new Map()
  if (sequence < 6) return rows
  replace(rows, 'one', [1, 2], 'first')
  replace(rows, 'two', [3, 4], [1, null, { deep: [] }])
  replace(rows, 'three', [-5, 6])
  return rows
}

function marksAt(sequence: number): Rows | null {
  if (sequence < 13) return null
  const rows: Rows = new Map()
  if (sequence < 14) return rows
  replace(rows, Number.MAX_SAFE_INTEGER, [1, 2, 3], true)
  replace(rows, 2n ** 63n - 1n, [-1, 0.5, Math.fround(-1e18)])
  replace(rows, 'x'.repeat(1024), [0, 0, 0], { longest: true })
  return rows
}

function contentsAt(sequence: number): Map<string, Rows> {
  const all: [string, Rows | null][] = [
    ['articles', articlesAt(sequence)],
    ['places', placesAt(sequence)],
    ['drafts', draftsAt(sequence)],
    ['marks', marksAt(sequence)],
    // Created by commit 17, dropped by 18.
    ['scrap', sequence === 17 ? new Map() : null],
  ]
  return new Map(all.filter((entry): entry is [string, Rows] => entry[1] !== null))
}

// ---- Reading ----------------------------------------------------------------------------------------------

interface Readable {
  collections(): Promise<string[]>
  collection(name: string): Promise<CollectionView>
}

async function expectContents(found: Readable, sequence: number): Promise<void> {
  const expected = contentsAt(sequence)
  expect((await found.collections()).sort()).toEqual([...expected.keys()].sort())
  for (const [name, rows] of expected) {
    const listed = await collect((await found.collection(name)).list())
    expect(
      listed.map(({ id, vector, ...rest }) => [id, { vector: [...vector!], ...rest }]),
      `${name} at ${sequence}`,
    ).toEqual([...rows])
  }
}

describe.each(ENGINES)('the stored database of format version 1 ($engine)', ({ worker }) => {
  let folder: string
  const opened: Database[] = []

  async function openGolden(options: OpenOptions = {}): Promise<Database> {
    const db = await open(join(folder, 'db'), { storage: 'fs', worker, retentionMs: Infinity, ...options })
    opened.push(db)
    return db
  }

  beforeEach(async () => {
    folder = await copyGolden('v1')
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.close()))
    await rm(folder, { recursive: true })
  })

  it.each([true, false])('holds every row and every past state, readOnly %s', async (readOnly) => {
    const db = await openGolden({ readOnly })
    expect(await db.stats()).toMatchObject({ sequence: COMMITS, oldestSequence: OLDEST })
    await expectContents(db, COMMITS)
    for (let sequence = OLDEST; sequence <= COMMITS; sequence += 1) {
      await using then = await db.at(new Date(FIRST_COMMIT_MS + 1000 * (sequence - 1)))
      expect(then.sequence).toBe(sequence)
      await expectContents(then, sequence)
    }
    expect(await codeOf(db.at(OLDEST - 1))).toBe('NOT_RETAINED')
  })

  it('has the options that its collections were created with', async () => {
    const db = await openGolden({ readOnly: true })
    const options = async (name: string) => {
      const { dimensions, metric, quantization, index } = await (await db.collection(name)).stats()
      return { dimensions, metric, quantization, index }
    }
    expect(await options('articles')).toEqual({
      ...{ dimensions: 8, metric: 'cosine', quantization: 'sq8' },
      index: { M: 4, efConstruction: 16 },
    })
    expect(await options('places')).toEqual({
      ...{ dimensions: 256, metric: 'l2', quantization: 'none' },
      index: { M: 5, efConstruction: 8 },
    })
    expect(await options('marks')).toEqual({
      ...{ dimensions: 3, metric: 'l1', quantization: 'none' },
      index: { M: 64, efConstruction: 2000 },
    })
  })

  it('is searched on its stored graphs, now and in the past', async () => {
    const db = await openGolden()
    const articles = await db.collection('articles')
    // All but the rows that came after the last checkpoint.
    expect((await articles.stats()).indexedRows).toBeGreaterThan(1024)
    const [nearest] = await articles.search({ vector: articleVector(510), k: 1 })
    expect(nearest).toMatchObject({ id: 510, metadata: { n: 510, even: true } })
    expect(nearest!.distance).toBeCloseTo(0, 6)
    const places = await db.collection('places')
    const around = await places.search({ vector: placeVector(510), k: 5 })
    expect(around[0]).toMatchObject({ id: -40, distance: 0 })
    expect(around.slice(1).map(({ id, distance }) => [Number(id), distance])).toEqual(
      expect.arrayContaining([-41, -39, -80].map((id) => [id, 1])),
    )

    // The place 0 was deleted by commit 15, the article 31 by commit 16.
    await using then = await db.at(14)
    const [was] = await (await then.collection('articles')).search({ vector: articleVector(31), k: 1 })
    expect(was?.id).toBe(31)
    const [is] = await articles.search({ vector: articleVector(31), k: 1 })
    expect(is?.id).not.toBe(31)
    expect((await (await then.collection('places')).get([0]))[0]?.vector).toEqual(
      new Float32Array(placeVector(550)),
    )
    expect(await places.get([0])).toEqual([null])
  })

  it('is written on, and holds all of it when it is opened again', async () => {
    const db = await openGolden()
    const marks = await db.collection('marks')
    await marks.upsert([{ id: 'new', vector: [7, 8, 9] }])
    await db.close()
    const again = await openGolden()
    expect((await again.stats()).sequence).toBe(COMMITS + 1)
    expect((await (await again.collection('marks')).get(['new']))[0]?.vector).toEqual(
      new Float32Array([7, 8, 9]),
    )
    await again.restore({ to: COMMITS })
    await expectContents(again, COMMITS)
    await using first = await again.at(OLDEST)
    await expectContents(first, OLDEST)
  })
})
