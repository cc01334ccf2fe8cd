/** A collection's options between the API's words and the core's. */
import { errorFromCode } from '../errors/omen-error.js'
import type { CoreCollectionOptions, CoreEngine } from '../wasm/core-engine.js'
import { hash64 } from './hash.js'
import type { Handles } from './handles.js'
import type { CollectionInfo, CollectionSchema } from './protocol.js'

const DEFAULTS = { quantization: 'auto', vectorType: 'float32', M: 16, efConstruction: 200 } as const

/**
 * What to create: `given` with the defaults. Dimensions and metric have none. The seed is one that no collection of this
 * database had before, by which it is told from others of its name (handles.ts).
 */
export function coreOptions(given: Partial<CollectionSchema>, engine: CoreEngine): CoreCollectionOptions {
  const { dimensions, metric } = given
  if (dimensions === undefined || metric === undefined) {
    throw errorFromCode('INVALID_ARGUMENT', 'a new collection needs dimensions and a metric')
  }
  return {
    dimensions,
    metric,
    quantization: given.quantization ?? DEFAULTS.quantization,
    vectorType: given.vectorType ?? DEFAULTS.vectorType,
    degree: given.M ?? DEFAULTS.M,
    efConstruction: given.efConstruction ?? DEFAULTS.efConstruction,
    // Neither ever returns to what it was. Those of a name that exists are not created again before the next commit.
    seed: hash64(`${engine.epoch()} ${engine.sequence()}`),
  }
}

export function collectionInfo(
  engine: CoreEngine,
  handles: Handles,
  collection: number,
  view = 0,
): CollectionInfo {
  const { dimensions, metric, quantization, vectorType, degree, efConstruction } = engine.collectionOptions(
    collection,
    view,
  )
  return {
    collection: handles.ofCollection(collection, view),
    name: engine.collectionName(collection, view),
    schema: { dimensions, metric, quantization, vectorType, M: degree, efConstruction },
  }
}

/** `SCHEMA_MISMATCH` for the first option that was given and is stored otherwise. */
export function checkAgrees(info: CollectionInfo, given: Partial<CollectionSchema>): void {
  for (const option of [
    'dimensions',
    'metric',
    'vectorType',
    'quantization',
    'M',
    'efConstruction',
  ] as const) {
    const asked = given[option]
    const stored = info.schema[option]
    if (asked !== undefined && asked !== stored) {
      throw errorFromCode(
        'SCHEMA_MISMATCH',
        `the collection ${JSON.stringify(info.name)} is stored with ${option} ${stored}, but ${asked} was asked for`,
      )
    }
  }
}
