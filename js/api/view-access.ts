/** A snapshot or a transaction as its collections reach it: nothing of it is usable once it has ended. */
import type {
  HostPort,
  RequestInput,
  RequestKind,
  RequestOptions,
  RequestOutput,
  ViewInfo,
} from '../engine/protocol.js'
import { errorFromCode } from '../errors/omen-error.js'
import type { Access, Connection, Requests } from './connection.js'
import { checkCollectionName } from './validation.js'

export class ViewAccess implements Access {
  readonly view: number
  readonly #connection: Connection
  readonly #what: string
  #ended = false

  /** `what`: for messages, "snapshot" or "transaction". */
  constructor(connection: Connection, { view }: ViewInfo, what: string) {
    this.view = view
    this.#connection = connection
    this.#what = what
  }

  get engine(): HostPort['engine'] {
    return this.#connection.engine
  }

  /** From now on everything rejects with `CLOSED`. False when that was so before. */
  end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    return true
  }

  async request<K extends RequestKind>(
    kind: K,
    input: RequestInput<K>,
    options?: RequestOptions,
  ): Promise<RequestOutput<K>> {
    this.#checkOpen()
    return this.#connection.request(kind, input, options)
  }

  call<T>(work: (requests: Requests) => Promise<T>): Promise<T> {
    return this.#connection.call(async (requests) => {
      this.#checkOpen()
      return work({
        ...requests,
        request: async (kind, input, options) => {
          this.#checkOpen()
          return requests.request(kind, input, options)
        },
      })
    })
  }

  turn(): Promise<void> {
    return this.#connection.turn()
  }

  async collectionInfo(name: string) {
    checkCollectionName('collection: name', name)
    return this.request('openCollection', { name, schema: null, view: this.view })
  }

  #checkOpen(): void {
    if (this.#ended) throw errorFromCode('CLOSED', `the ${this.#what} has ended`)
  }
}
