/** Where sessions come from: a place starts a fresh process or browser for each. */
import type { Graph, Metric } from '../engines/contract.js'
import type { Session } from '../drive.js'

/** The set as files, so that every process reads the same bytes. */
export interface SetFiles {
  readonly folder: string
  readonly rows: number
  readonly dimensions: number
  readonly metric: Metric
  readonly graph: Graph
}

export const BASE_FILE = 'base.f32'
export const QUERIES_FILE = 'queries.f32'

/** An engine at a place, as it stands in one row of a table. */
export interface Contender {
  readonly id: string
  readonly engine: string
  readonly title: string
  readonly place: string
  readonly version: string
  readonly notes: readonly string[]
  /** Why it does not take part in this set. */
  readonly cannot: string | null
  /** Whether an `ef` may be chosen. */
  readonly tunable: boolean
  open(): Promise<Session>
}
