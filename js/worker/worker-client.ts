/**
 * WorkerClient: a host in a worker, seen from outside. Requests get numbers, buffers are handed over, answers find their
 * promise again.
 *
 * A worker that dies or cannot be understood takes its engine with it: it is ended, so that it holds no lock, and then
 * everything pending and everything later rejects with `ENGINE_FAILED`; what was committed is found by opening again.
 */
import { errorFromCode, type OmenError } from '../errors/omen-error.js'
import {
  abortedError,
  asOmenError,
  fromErrorRecord,
  type HostPort,
  type RequestInput,
  type RequestKind,
  type RequestOptions,
  type RequestOutput,
} from '../engine/protocol.js'
import { type FromWorker, STOPPABLE, type ToWorker, type WorkerOpenRequest } from './messages.js'

/** The same few things of a browser's `Worker` and Node's. */
export interface WorkerHandle {
  post(message: ToWorker, transfer: readonly ArrayBuffer[]): void
  /** Called once, before anything is posted. `onFailure`: the script did not load, threw, or ended. */
  listen(onMessage: (message: FromWorker) => void, onFailure: (reason: string) => void): void
  /** Whether the process must stay alive for this worker (Node; elsewhere nothing). */
  keepAlive(needed: boolean): void
  terminate(): Promise<void>
}

/** The worker's script never ran: the engine can be run in place of it. */
export class WorkerNotStarted extends Error {}

interface Pending {
  readonly resolve: (output: never) => void
  readonly reject: (error: Error) => void
  readonly onProgress: RequestOptions['onProgress']
  readonly signal: AbortSignal | undefined
  /** Removes the listener of the signal. */
  settled: () => void
}

/** A script that does not say "ready" within this time is not going to. */
const READY_MS_MAX = 15_000

export class WorkerClient implements HostPort {
  readonly engine = 'worker'
  #partBytesMax = 0
  readonly #worker: WorkerHandle
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #failure: OmenError | null = null
  /** Settled when a worker that failed or was ended is gone. */
  #ended: Promise<void> = Promise.resolve()
  #started: { resolve: () => void; reject: (error: Error) => void } | null = null
  #opened: { resolve: () => void; reject: (error: Error) => void } | null = null

  /** Rejects with `WorkerNotStarted`, or with what opening the database failed with. */
  static async open(
    worker: WorkerHandle,
    request: WorkerOpenRequest,
    signal: AbortSignal | undefined,
  ): Promise<WorkerClient> {
    const client = new WorkerClient(worker)
    worker.keepAlive(true)
    try {
      await client.#start()
      await client.#open(request, signal)
      worker.keepAlive(false)
      return client
    } catch (error) {
      // An abandoned opening may be half way through taking a lock; it is closed properly when it comes to an end.
      if (signal?.aborted !== true) await worker.terminate()
      throw error
    }
  }

  private constructor(worker: WorkerHandle) {
    this.#worker = worker
  }

  get partBytesMax(): number {
    return this.#partBytesMax
  }

  request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options: RequestOptions = {},
  ): Promise<RequestOutput<K>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        // Closing a database whose worker is gone has nothing left to do.
        const failure = this.#failure
        void this.#ended.then(() => (kind === 'close' ? resolve(null) : reject(failure)))
        return
      }
      const { signal, onProgress, token, transfer = [] } = options
      if (signal?.aborted === true) {
        reject(abortedError(signal, kind))
        return
      }
      const id = this.#nextId
      this.#nextId += 1
      const pending: Pending = { resolve, reject, onProgress, signal, settled: nothing }
      try {
        this.#worker.post({ type: 'request', id, kind, input, token }, transfer)
      } catch (error) {
        reject(asOmenError(error))
        return
      }
      this.#pending.set(id, pending)
      if (this.#pending.size === 1) this.#worker.keepAlive(true)
      if (signal !== undefined) this.#watch(signal, id, kind, pending)
    })
  }

  #watch(signal: AbortSignal, id: number, kind: RequestKind, pending: Pending): void {
    const onAbort = (): void => {
      if (STOPPABLE.has(kind)) this.#worker.post({ type: 'cancel', id }, [])
      else this.#settle(id)?.reject(abortedError(signal, kind))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    pending.settled = () => signal.removeEventListener('abort', onAbort)
  }

  #start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail('the worker did not start in time'), READY_MS_MAX)
      this.#started = {
        resolve: () => {
          clearTimeout(timer)
          resolve()
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      this.#worker.listen(
        (message) => this.#receive(message),
        (reason) => this.#fail(reason),
      )
    })
  }

  #open(request: WorkerOpenRequest, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        if (signal === undefined) return
        this.#opened = { resolve: () => void this.#abandon(), reject: () => void this.#worker.terminate() }
        this.#worker.keepAlive(false)
        reject(abortedError(signal, 'open'))
      }
      const stopListening = (): void => signal?.removeEventListener('abort', onAbort)
      this.#opened = {
        resolve: () => {
          stopListening()
          resolve()
        },
        reject: (error) => {
          stopListening()
          reject(error)
        },
      }
      if (signal?.aborted === true) {
        void this.#worker.terminate()
        reject(abortedError(signal, 'open'))
        return
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        this.#worker.post({ type: 'open', request }, [])
      } catch (error) {
        stopListening()
        reject(asOmenError(error, 'INVALID_ARGUMENT'))
      }
    })
  }

  async #abandon(): Promise<void> {
    await this.request('close', null).catch(nothing)
    await this.end()
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#started?.resolve()
        this.#started = null
        return
      case 'opened':
        this.#partBytesMax = message.partBytesMax
        this.#opened?.resolve()
        this.#opened = null
        return
      case 'refused':
        this.#opened?.reject(fromErrorRecord(message.error))
        this.#opened = null
        return
      case 'output':
        this.#settle(message.id)?.resolve(message.output as never)
        return
      case 'error':
        this.#reject(message.id, fromErrorRecord(message.error))
        return
      case 'progress':
        this.#pending.get(message.id)?.onProgress?.(message.done, message.total)
        return
    }
  }

  #reject(id: number, error: OmenError): void {
    const pending = this.#settle(id)
    if (pending === undefined) return
    const isOwn = error.code === 'ABORTED' && pending.signal !== undefined
    if (isOwn) error.cause = pending.signal.reason // The worker's own signal has another reason.
    pending.reject(error)
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    pending.settled()
    if (this.#pending.size === 0) this.#worker.keepAlive(false)
    return pending
  }

  #fail(reason: string): void {
    if (this.#failure !== null) return
    const failure = errorFromCode(
      'ENGINE_FAILED',
      `the engine's worker failed: ${reason}; open the database again to recover what was committed`,
    )
    this.#failure = failure
    this.#ended = this.#worker
      .terminate()
      .catch(nothing)
      .then(() => {
        this.#started?.reject(new WorkerNotStarted(reason))
        this.#opened?.reject(failure)
        this.#started = null
        this.#opened = null
        this.#rejectPending(failure)
      })
  }

  /** Ends the worker, of a host that was closed. No event tells that it will never answer, so this does: `CLOSED`. */
  async end(): Promise<void> {
    this.#failure ??= errorFromCode('CLOSED', 'the database was closed')
    this.#rejectPending(this.#failure)
    await this.#worker.terminate()
  }

  #rejectPending(error: OmenError): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error)
    this.#worker.keepAlive(false)
  }
}

function nothing(): void {}
