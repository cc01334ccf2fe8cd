import type { StorageAdapter } from '../../storage/contract.js'
import type { HostPort, HostSettings } from '../engine/protocol.js'
import { Connection } from './connection.js'
import { Database } from './database.js'
import type { OpenOptions, StorageName } from './types.js'
import {
  beyondLimit,
  checkBoolean,
  checkInteger,
  checkName,
  checkOneOf,
  checkOptions,
  checkSignal,
  describe,
  invalid,
} from './validation.js'

/** What `open` asks of a runtime, after its arguments were checked. */
export interface ConnectRequest {
  readonly database: string
  readonly storage: 'auto' | StorageName | StorageAdapter
  /** `undefined`: as the runtime thinks best. */
  readonly worker: boolean | undefined
  readonly readOnly: boolean
  readonly sharing: boolean
  readonly settings: HostSettings
  readonly wasm: WebAssembly.Module | URL | BufferSource | undefined
  readonly signal: AbortSignal | undefined
}

export interface Connected {
  readonly port: HostPort
  /** Frees what carries the port. */
  readonly release: () => Promise<void>
  readonly workerFallback?: string
}

/** Opens a host for a database; one per entry of js/platform/. */
export type Connect = (request: ConnectRequest) => Promise<Connected>

export type Open = (name: string, options?: OpenOptions) => Promise<Database>

const STORAGE_NAMES = ['auto', 'memory', 'indexeddb', 'idbfs', 'opfs', 'fs'] as const
/** As the storage contract has it. */
const DATABASE_NAME_CHARACTERS_MAX = 255
/** Of a folder's path, as Linux has it; what a file system takes is for it to say. */
const PATH_CHARACTERS_MAX = 4096
/** The engine itself, and one call's worth of vectors. */
const MEMORY_BUDGET_BYTES_MIN = 16 << 20
const OPTION_KEYS = [
  'storage',
  'durability',
  'retentionMs',
  'memoryBudgetBytes',
  'worker',
  'readOnly',
  'sharing',
  'recreate',
  'wasm',
  'signal',
] as const

/** `open`, for a runtime. */
export function openWith(connect: Connect): Open {
  return async (name, options) => {
    checkName('open: name', name)
    const given = checkOptions('open', options, OPTION_KEYS)
    const storage = checkStorage(given.storage)
    const request: ConnectRequest = {
      database: checkDatabaseName(name, storage),
      storage,
      worker: given.worker === undefined ? undefined : checkBoolean('open: worker', given.worker, true),
      readOnly: checkBoolean('open: readOnly', given.readOnly, false),
      sharing: checkBoolean('open: sharing', given.sharing, true),
      settings: checkSettings(given),
      wasm: checkWasm(given.wasm),
      signal: checkSignal('open', given.signal),
    }
    const { port, release, workerFallback } = await connect(request)
    return new Database(name, new Connection(name, port, release), workerFallback)
  }
}

function checkSettings(options: Partial<OpenOptions>): HostSettings {
  const { durability, retentionMs, recreate, memoryBudgetBytes } = options
  return {
    durability:
      durability === undefined
        ? 'strict'
        : checkOneOf('open: durability', durability, ['strict', 'relaxed', 'manual']),
    retentionMs:
      retentionMs === undefined || retentionMs === Infinity
        ? (retentionMs ?? 0)
        : checkInteger('open: retentionMs', retentionMs, 0, Number.MAX_SAFE_INTEGER),
    recreate: checkBoolean('open: recreate', recreate, false),
    memoryBudgetBytes:
      memoryBudgetBytes === undefined
        ? 0
        : checkInteger(
            'open: memoryBudgetBytes',
            memoryBudgetBytes,
            MEMORY_BUDGET_BYTES_MIN,
            Number.MAX_SAFE_INTEGER,
          ),
  }
}

/** `'auto'` may be a folder; when it is not, the storage it is holds the name to the contract's length. */
function checkDatabaseName(name: string, storage: ConnectRequest['storage']): string {
  const mayBePath = storage === 'fs' || storage === 'auto'
  const most = mayBePath ? PATH_CHARACTERS_MAX : DATABASE_NAME_CHARACTERS_MAX
  if (name.length <= most) return name
  throw beyondLimit(`open: name must have at most ${most} characters, found ${name.length}`)
}

function checkStorage(storage: unknown): ConnectRequest['storage'] {
  if (storage === undefined) return 'auto'
  if (typeof storage === 'string' && (STORAGE_NAMES as readonly string[]).includes(storage)) {
    return storage as 'auto' | StorageName
  }
  if (typeof storage === 'object' && storage !== null) {
    const adapter = storage as Partial<StorageAdapter>
    if (
      typeof adapter.open === 'function' &&
      typeof adapter.name === 'string' &&
      typeof adapter.capabilities === 'object'
    ) {
      return storage as StorageAdapter
    }
  }
  const names = STORAGE_NAMES.map((each) => `'${each}'`).join(', ')
  throw invalid(`open: storage must be one of ${names} or a StorageAdapter, found ${describe(storage)}`)
}

function checkWasm(wasm: unknown): ConnectRequest['wasm'] {
  if (
    wasm === undefined ||
    wasm instanceof WebAssembly.Module ||
    wasm instanceof URL ||
    wasm instanceof ArrayBuffer ||
    ArrayBuffer.isView(wasm)
  ) {
    return wasm
  }
  throw invalid(`open: wasm must be a WebAssembly.Module, a URL or bytes, found ${describe(wasm)}`)
}
