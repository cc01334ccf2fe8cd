/** What crosses between a page (or a Node thread) and the worker that holds its engine. */
import type { ErrorRecord, HostSettings, RequestKind, RequestOptions } from '../engine/protocol.js'

/** How the worker opens its host: `WorkerHost` leaves the names of storages to the platform. */
export interface WorkerOpenRequest {
  readonly database: string
  readonly storage: string
  readonly readOnly: boolean
  readonly sharing: boolean
  readonly settings: HostSettings
  /** The engine's wasm where the default does not fit: compiled, as bytes, or the address of a URL. */
  readonly wasm: WebAssembly.Module | BufferSource | string | null
}

export type ToWorker =
  | { readonly type: 'open'; readonly request: WorkerOpenRequest }
  | {
      readonly type: 'request'
      readonly id: number
      readonly kind: RequestKind
      readonly input: unknown
      readonly token: RequestOptions['token']
    }
  | { readonly type: 'cancel'; readonly id: number }

export type FromWorker =
  /** The script runs; without this a worker counts as not started. */
  | { readonly type: 'ready' }
  | { readonly type: 'opened'; readonly partBytesMax: number }
  | { readonly type: 'refused'; readonly error: ErrorRecord }
  | { readonly type: 'output'; readonly id: number; readonly output: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: ErrorRecord }
  | { readonly type: 'progress'; readonly id: number; readonly done: number; readonly total: number }

/** Writes whose answer is waited for after their signal fired: it says how far they came. */
export const STOPPABLE: ReadonlySet<RequestKind> = new Set<RequestKind>([
  'upsert',
  'deleteRows',
  'commitUpload',
])
