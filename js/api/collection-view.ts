import type {
  CollectionInfo,
  CollectionSchema,
  RequestInput,
  RequestKind,
  RequestOptions,
  RequestOutput,
} from '../engine/protocol.js'
import { withCommittedRows } from '../engine/protocol.js'
import { errorFromCode, OmenError } from '../errors/omen-error.js'
import { decodeListAnswer, encodeIdList } from '../wasm/row-batch.js'
import { hitsOf, rowAt, rowsOfGet } from './answers.js'
import type { Access, Requests } from './connection.js'
import { queryParts } from './query-parts.js'
import type {
  CountOptions,
  Hit,
  Id,
  JsonValue,
  ListOptions,
  ReadOptions,
  Row,
  SearchBatchOptions,
  SearchOptions,
  VectorLike,
} from './types.js'
import {
  checkBoolean,
  checkIdArray,
  checkInclude,
  checkInteger,
  checkLength,
  checkOptions,
  checkSignal,
  copyVector,
  describe,
  EF_SEARCH_MAX,
  HITS_MAX,
  type VectorKind,
} from './validation.js'

/** Bytes of vectors that one answer of `get` or `list` carries, about. */
const ANSWER_BYTES = 4 << 20
const ANSWER_ROWS_MAX = 1024
/** Hits and queries of one request of `searchBatch`, so that others get their turn in between. */
const BATCH_HITS = 65_536
const BATCH_QUERIES = 16

const SEARCH_KEYS = ['vector', 'k', 'efSearch', 'exact', 'include', 'signal'] as const
const SEARCH_BATCH_KEYS = ['vectors', 'k', 'efSearch', 'exact', 'include', 'signal'] as const

/** The rows of a collection, to be read: as they are now, or as they are in a snapshot or a transaction. */
export class CollectionView<M = JsonValue> {
  readonly name: string
  readonly dimensions: number
  /** @internal */
  protected readonly access: Access
  /** @internal */
  protected readonly handle: number
  /** @internal */
  protected readonly schema: CollectionSchema

  /** @internal */
  constructor(access: Access, info: CollectionInfo) {
    this.name = info.name
    this.dimensions = info.schema.dimensions
    this.access = access
    this.handle = info.collection
    this.schema = info.schema
  }

  /** The `k` rows nearest to a vector, nearest first; ties in order of insertion. */
  async search(options: SearchOptions): Promise<Hit<M>[]> {
    const given = checkOptions('search', options, SEARCH_KEYS)
    const request = this.#searchRequest('search', given)
    const { vector } = given
    let queries: Float32Array
    let transfer: ArrayBuffer[] | undefined
    if (this.access.engine === 'in-place' && vector instanceof Float32Array) {
      // Read before this call returns, so it need not be copied.
      checkLength('search: vector', vector, this.dimensions)
      queries = vector
    } else {
      const copy = new Float32Array(this.dimensions)
      copyVector('search: vector', vector as VectorLike, this.kind, copy, 0)
      queries = copy
      transfer = [copy.buffer]
    }
    const answer = await this.request(
      'search',
      { ...request.input, queries, queryCount: 1 },
      { transfer, signal: request.signal },
    )
    return hitsOf<M>(this.schema.metric, answer)[0] ?? []
  }

  /** As `search`, for many vectors: one array of hits per vector, in their order. */
  async searchBatch(options: SearchBatchOptions): Promise<Hit<M>[][]> {
    const given = checkOptions('searchBatch', options, SEARCH_BATCH_KEYS)
    const { input, signal } = this.#searchRequest('searchBatch', given)
    const step = Math.max(1, Math.min(BATCH_QUERIES, Math.floor(BATCH_HITS / input.k)))
    const parts = queryParts(given.vectors, this.kind, step)
    return this.call(async (requests) => {
      const answers: Hit<M>[][] = []
      for (const [i, queries] of parts.entries()) {
        if (i > 0) await requests.turn()
        const queryCount = queries.length / this.dimensions
        const answer = await requests.request(
          'search',
          { ...input, queries, queryCount },
          { transfer: [queries.buffer], signal },
        )
        for (const hits of hitsOf<M>(this.schema.metric, answer)) answers.push(hits)
      }
      return answers
    })
  }

  /** Rows by id, in the order asked for; `null` where there is none. */
  async get(ids: readonly Id[], options?: ReadOptions): Promise<(Row<M> | null)[]> {
    const given = checkOptions('get', options, ['include', 'signal'])
    const signal = checkSignal('get', given.signal)
    const include = checkInclude('get', given.include, ['metadata', 'vector'])
    const all = checkIdArray('get', ids)
    const step = this.#rowsPerAnswer()
    const parts: Uint8Array<ArrayBuffer>[] = []
    for (let start = 0; start < all.length; start += step)
      parts.push(encodeIdList(all.slice(start, start + step)))
    return this.call(async (requests) => {
      const rows: (Row<M> | null)[] = []
      for (const [i, part] of parts.entries()) {
        if (i > 0) await requests.turn()
        const answer = await requests.request(
          'get',
          { ...this.#place, ids: part, include },
          { transfer: [part.buffer], signal },
        )
        for (const row of rowsOfGet<M>(answer)) rows.push(row)
      }
      return rows
    })
  }

  /** How many rows there are. */
  async count(options?: CountOptions): Promise<number> {
    const given = checkOptions('count', options, ['signal'])
    const signal = checkSignal('count', given.signal)
    return this.request('count', { ...this.#place }, { signal })
  }

  /**
   * Rows in order of insertion, read page by page while the loop goes on. A row replaced meanwhile moves to
   * the end and may come twice; one deleted meanwhile may still come.
   */
  async *list(options?: ListOptions): AsyncGenerator<Row<M>, void, undefined> {
    const given = checkOptions('list', options, ['after', 'limit', 'include', 'signal'])
    const include = checkInclude('list', given.include, ['metadata', 'vector'])
    const limit =
      given.limit === undefined
        ? Infinity
        : checkInteger('list: limit', given.limit, 0, Number.MAX_SAFE_INTEGER)
    const signal = checkSignal('list', given.signal)
    let left = limit
    let cursor = given.after === undefined ? 0n : await this.#cursorAfter(given.after, signal)
    let page: readonly Id[] = []
    while (left > 0) {
      const rows = await this.#page(cursor, Math.min(left, this.#rowsPerAnswer()), include, page, signal)
      for (let i = 0; i < rows.rows.ids.length; i += 1) yield rowAt<M>(rows.rows, i)
      left -= rows.rows.ids.length
      cursor = rows.nextCursor
      page = rows.rows.ids
      if (cursor === 0n) return
      await this.access.turn()
    }
  }

  #searchRequest(what: string, given: Partial<Omit<SearchOptions, 'vector'>>) {
    const input = {
      ...this.#place,
      k: checkInteger(`${what}: k`, given.k, 1, HITS_MAX),
      efSearch:
        given.efSearch === undefined
          ? 0
          : checkInteger(`${what}: efSearch`, given.efSearch, 1, EF_SEARCH_MAX),
      exact: checkBoolean(`${what}: exact`, given.exact, false),
      include: checkInclude(what, given.include, ['metadata']),
    }
    return { input, signal: checkSignal(what, given.signal) }
  }

  /** @internal */
  protected get kind(): VectorKind {
    const { dimensions, vectorType } = this.schema
    return { dimensions, vectorType }
  }

  get #place() {
    return { collection: this.handle, view: this.access.view }
  }

  /** @internal */
  protected request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options?: RequestOptions,
  ): Promise<RequestOutput<K>> {
    return this.access.request(kind, input, options).catch((error: unknown) => {
      throw this.#withName(error)
    })
  }

  /** @internal */
  protected call<T>(work: (requests: Requests) => Promise<T>): Promise<T> {
    return this.access.call(work).catch((error: unknown) => {
      throw this.#withName(error)
    })
  }

  /** The engine knows a dropped collection by nothing but its number. */
  #withName(error: unknown): unknown {
    if (!(error instanceof OmenError) || error.code !== 'NOT_FOUND') return error
    const named = errorFromCode(
      'NOT_FOUND',
      `the collection ${JSON.stringify(this.name)} was dropped; open it again by its name`,
      error,
    )
    return error.committedRows === undefined ? named : withCommittedRows(named, error.committedRows)
  }

  #rowsPerAnswer(): number {
    const rows = Math.floor(ANSWER_BYTES / (this.dimensions * Float32Array.BYTES_PER_ELEMENT))
    return Math.max(16, Math.min(ANSWER_ROWS_MAX, rows))
  }

  async #cursorAfter(after: unknown, signal: AbortSignal | undefined): Promise<bigint> {
    const id = encodeIdList([after])
    try {
      return await this.access.request('cursorAfter', { ...this.#place, id }, { signal })
    } catch (error) {
      if (!(error instanceof OmenError) || error.code !== 'NOT_FOUND') throw error
      // The row is not there, or the collection: asking for another thing of it tells.
      await this.request('count', { ...this.#place }, { signal })
      throw errorFromCode('NOT_FOUND', `list: no row has the id ${describe(after)}`, error)
    }
  }

  /** One page of `list`. `before` are the ids of the page before it, in order. */
  async #page(
    cursor: bigint,
    limit: number,
    include: number,
    before: readonly Id[],
    signal: AbortSignal | undefined,
  ) {
    const ask = async (from: bigint) =>
      decodeListAnswer(
        await this.request('list', { ...this.#place, cursor: from, limit, include }, { signal }),
      )
    try {
      return await ask(cursor)
    } catch (error) {
      // Rows were compacted twice since the last page, so that its cursor says nothing any more. The rows of that
      // page still know where they are.
      if (!(error instanceof OmenError) || error.code !== 'INVALID_ARGUMENT') throw error
      for (const id of [...before].reverse()) {
        const again = await this.#cursorAfter(id, signal).catch(() => null)
        if (again !== null) return ask(again)
      }
      throw error
    }
  }
}
