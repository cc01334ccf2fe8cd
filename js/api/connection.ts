import { macrotask } from '../engine/macrotask.js'
import type {
  HostPort,
  RequestInput,
  RequestKind,
  RequestOptions,
  RequestOutput,
} from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'

/** The open database as its `Database` and its `Collection`s share it: one port, closed once for all. */
export class Connection {
  readonly port: HostPort
  readonly #name: string
  readonly #release: () => Promise<void>
  #closing: Promise<void> | null = null

  /** `release` frees what carries the port (a worker), after the host has closed. */
  constructor(name: string, port: HostPort, release: () => Promise<void>) {
    this.#name = name
    this.port = port
    this.#release = release
  }

  /** Rejects with `CLOSED` from the moment `close` was called. */
  request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options?: RequestOptions,
  ): Promise<RequestOutput<K>> {
    if (this.#closing !== null) return Promise.reject(this.#closedError())
    return this.port.request(kind, input, options)
  }

  /** Between the parts of a long call: in place each is a task on the caller's thread, and others want their turn. */
  async turn(): Promise<void> {
    if (this.port.engine === 'in-place') await macrotask()
  }

  /** For checks before a call that would otherwise have nothing to ask (an upsert of no rows). */
  requireOpen(): void {
    if (this.#closing !== null) throw this.#closedError()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.port.request('close', null)
    } finally {
      await this.#release()
    }
  }

  #closedError(): Error {
    return errorFromCode('CLOSED', `the database ${JSON.stringify(this.#name)} was closed`)
  }
}
