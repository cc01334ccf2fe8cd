import { macrotask } from '../engine/macrotask.js'
import type {
  HostPort,
  RequestInput,
  RequestKind,
  RequestOptions,
  RequestOutput,
} from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'

/** What a call of several requests works with; it goes on while the database closes. */
export interface Requests {
  /** Bytes that one part of an upsert should have at most. */
  readonly partBytesMax: number
  request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options?: RequestOptions,
  ): Promise<RequestOutput<K>>
  /** Between the parts: in place each is a task on the caller's thread, and others want their turn. */
  turn(): Promise<void>
}

/** How a collection reaches its rows: at the newest state of the database, or in a view of it. */
export interface Access {
  readonly engine: HostPort['engine']
  /** 0: the newest state. */
  readonly view: number
  request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options?: RequestOptions,
  ): Promise<RequestOutput<K>>
  call<T>(work: (requests: Requests) => Promise<T>): Promise<T>
  turn(): Promise<void>
}

/** The open database as its `Database` and its `Collection`s share it: one port, closed once for all. */
export class Connection implements Access {
  readonly view = 0
  readonly port: HostPort
  readonly #name: string
  readonly #release: () => Promise<void>
  /** Calls of several requests that have begun and not ended. */
  readonly #calls = new Set<Promise<unknown>>()
  #closing: Promise<void> | null = null

  /** `release` frees what carries the port (a worker), after the host has closed. */
  constructor(name: string, port: HostPort, release: () => Promise<void>) {
    this.#name = name
    this.port = port
    this.#release = release
  }

  get engine(): HostPort['engine'] {
    return this.port.engine
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

  /**
   * A call of several requests. The host drains the requests it has; those that a call would still make only this side
   * knows of, so `close` waits here for the calls begun before it. `work` starts within this call: what is written in
   * one turn should be committed in the order of its calls.
   */
  async call<T>(work: (requests: Requests) => Promise<T>): Promise<T> {
    if (this.#closing !== null) throw this.#closedError()
    const { port } = this
    const running = work({
      partBytesMax: port.partBytesMax,
      request: (kind, input, options) => port.request(kind, input, options),
      turn: () => this.turn(),
    })
    this.#calls.add(running)
    try {
      return await running
    } finally {
      this.#calls.delete(running)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#calls)
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
