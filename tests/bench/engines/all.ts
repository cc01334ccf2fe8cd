/** Every engine that runs in JavaScript, in the order of tables. The native ones are in ../places/native-place.ts. */
import type { Engine } from './contract.js'
import { edgevecEngines } from './edgevec.js'
import { hnswlibWasm } from './hnswlib-wasm.js'
import { mememo } from './mememo.js'
import { omendbEngines } from './omendb.js'
import { orama } from './orama.js'
import { pglite } from './pglite.js'
import { sqliteVec } from './sqlite-vec.js'
import { usearch } from './usearch.js'
import { voy } from './voy.js'

export const ENGINES: readonly Engine[] = [
  ...omendbEngines,
  usearch,
  hnswlibWasm,
  ...edgevecEngines,
  mememo,
  pglite,
  sqliteVec,
  voy,
  orama,
]

export function engineById(id: string): Engine {
  const engine = ENGINES.find((each) => each.id === id)
  if (engine === undefined) throw new Error(`no engine is named ${id}`)
  return engine
}
