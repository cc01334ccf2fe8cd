/** The two forms of an upsert's argument, brought to the one that the encoder takes. */
import { macrotask } from '../engine/macrotask.js'
import { errorFromCode } from '../errors/omen-error.js'
import type { RowSource } from '../wasm/row-batch.js'
import { arraysOf, unitOf, vectorLength } from '../wasm/vector-types.js'
import type { ColumnarInput, RowInput } from './types.js'
import { checkIdArray, describe, invalid, type VectorKind } from './validation.js'

const ROW_KEYS = ['id', 'vector', 'metadata']
const COLUMN_KEYS = ['ids', 'vectors', 'metadata']
/** Rows looked at in one task; a few milliseconds. */
const ROWS_PER_TASK = 16_384

/**
 * Shapes and names are checked here; values while they are encoded. A promise only for so many rows that the check takes
 * several tasks: what is written in one turn should be committed in the order of its calls.
 */
export function rowSource<M>(
  input: readonly RowInput<M>[] | ColumnarInput<M>,
  kind: VectorKind,
): RowSource | Promise<RowSource> {
  if (Array.isArray(input)) return fromRows(input as readonly unknown[], kind)
  if (typeof input !== 'object' || input === null) {
    throw invalid(
      `upsert: expected an array of rows or { ids, vectors, metadata? }, found ${describe(input)}`,
    )
  }
  return fromColumns(input as ColumnarInput, kind)
}

function fromRows(rows: readonly unknown[], kind: VectorKind): RowSource | Promise<RowSource> {
  const columns: Columns = {
    ids: new Array<unknown>(rows.length),
    vectors: new Array<unknown>(rows.length),
    metadata: undefined,
  }
  if (rows.length <= ROWS_PER_TASK) {
    takeRows(rows, 0, rows.length, columns)
    return { ...kind, ...columns }
  }
  return takeInTasks(rows, columns).then(() => ({ ...kind, ...columns }))
}

interface Columns {
  readonly ids: unknown[]
  readonly vectors: unknown[]
  metadata: unknown[] | undefined
}

async function takeInTasks(rows: readonly unknown[], columns: Columns): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_TASK) {
    if (start > 0) await macrotask()
    takeRows(rows, start, Math.min(start + ROWS_PER_TASK, rows.length), columns)
  }
}

function takeRows(rows: readonly unknown[], start: number, end: number, columns: Columns): void {
  for (let i = start; i < end; i += 1) {
    const row = rows[i]
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      throw invalid(`upsert: row ${i} must be an object { id, vector, metadata? }, found ${describe(row)}`)
    }
    for (const key in row) {
      if (!ROW_KEYS.includes(key)) {
        throw invalid(
          `upsert: row ${i} has the unknown key ${describe(key)}; known are ${ROW_KEYS.join(', ')}`,
        )
      }
    }
    const given = row as Partial<RowInput<unknown>>
    columns.ids[i] = given.id
    columns.vectors[i] = given.vector
    if (given.metadata !== undefined) {
      columns.metadata ??= new Array<unknown>(rows.length)
      columns.metadata[i] = given.metadata
    }
  }
}

function fromColumns(input: ColumnarInput, kind: VectorKind): RowSource {
  for (const key in input) {
    if (!COLUMN_KEYS.includes(key)) {
      throw invalid(`upsert: unknown key ${describe(key)}; known are ${COLUMN_KEYS.join(', ')}`)
    }
  }
  const { vectors, metadata } = input
  const ids = checkIdArray('upsert', input.ids)
  const { dimensions, vectorType } = kind
  const each = vectorLength(vectorType, dimensions, vectors)
  if (each === 0) {
    throw invalid(
      `upsert: vectors must be one ${arraysOf(vectorType)}, row-major, found ${describe(vectors)}`,
    )
  }
  const { length } = ids
  if (vectors.length !== length * each) {
    throw errorFromCode(
      'DIMENSION_MISMATCH',
      `upsert: expected ${length} ids * ${each} = ${length * each} ${unitOf(vectorType, vectors)} in vectors, ` +
        `found ${vectors.length}`,
    )
  }
  if (metadata !== undefined && (!Array.isArray(metadata) || metadata.length !== ids.length)) {
    throw invalid(
      `upsert: metadata must be an array with one entry per id (${ids.length}), found ${describe(metadata)}`,
    )
  }
  return { ...kind, ids, vectors, metadata: metadata as readonly unknown[] | undefined }
}
