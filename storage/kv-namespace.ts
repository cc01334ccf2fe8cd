/** What is used of a Workers KV namespace, so that a binding of Cloudflare's type fits without a dependency on it. */
export interface KvNamespace {
  get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null>
  getWithMetadata<Metadata>(
    key: string,
    type: 'arrayBuffer',
  ): Promise<{ value: ArrayBuffer | null; metadata: Metadata | null }>
  put(key: string, value: Uint8Array, options?: { metadata?: unknown }): Promise<void>
  delete(key: string): Promise<void>
  list<Metadata>(options: { prefix: string; cursor?: string | null }): Promise<KvListing<Metadata>>
}

export type KvListing<Metadata> =
  | { list_complete: false; keys: KvKey<Metadata>[]; cursor: string }
  | { list_complete: true; keys: KvKey<Metadata>[] }

export interface KvKey<Metadata> {
  name: string
  metadata?: Metadata
}
