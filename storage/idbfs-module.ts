/** What `wasm/idbfs` exports of Emscripten's file system, as far as it is used. */
export interface IdbfsModule {
  readonly FS: {
    mkdirTree(path: string): void
    mount(type: IdbfsModule['IDBFS'], options: object, path: string): { readonly mount: IdbfsMount }
    readdir(path: string): string[]
    stat(path: string): { readonly size: number; readonly mtime: Date }
    writeFile(path: string, bytes: Uint8Array, options: { canOwn: boolean }): void
    utime(path: string, accessedMs: number, modifiedMs: number): void
    unlink(path: string): void
    analyzePath(path: string): { readonly exists: boolean }
    open(path: string, flags: 'r'): IdbfsStream
    read(stream: IdbfsStream, target: Uint8Array, offset: number, length: number, position: number): number
    close(stream: IdbfsStream): void
  }
  readonly IDBFS: {
    /** Connections by mount point; IDBFS uses the one it finds here. */
    readonly dbs: Record<string, IdbfsConnection>
    readonly DB_STORE_NAME: string
    readonly DB_VERSION: number
    getDB(name: string, callback: (error: unknown, connection: IDBDatabase) => void): void
    syncfs(mount: IdbfsMount, populate: boolean, callback: (error: unknown) => void): void
  }
}

/** The two methods that IDBFS calls on a connection. */
export type IdbfsConnection = Pick<IDBDatabase, 'transaction' | 'close'>

declare const opaque: unique symbol
export interface IdbfsMount {
  readonly [opaque]: 'mount'
}
export interface IdbfsStream {
  readonly [opaque]: 'stream'
}

/** The default export of `wasm/idbfs`. */
export type CreateIdbfsModule = (options: object) => Promise<IdbfsModule>
