/**
 * What wasm/engine_binding.cc exports, name by name. Sizes, pointers and handles are u32, counts of 64 bits are
 * bigints. Calls that can fail return a code; 0 is OK, and everything else is read through accessors.
 */

/** One engine behind the boundary. Freed by `delete()` only. */
export interface EngineBinding {
  delete(): void

  /** Memory for arguments, of at least `size` bytes, valid until the next call of this; 0 when refused. 0 frees it. */
  reserveScratch(size: number): number
  /** Of the last call that returned a code other than OK. */
  messagePointer(): number
  messageSize(): number
  /** Bytes that the last call answered with. */
  answerPointer(): number
  answerSize(): number
  /** The name that the last call answered with. */
  namePointer(): number
  nameSize(): number
  /** The number that the last call answered with. */
  answerNumber(): bigint

  openNew(): void
  openHead(size: number): number
  takeOver(): number
  encodeHead(): number
  requiredObjectCount(): number
  requiredObjectName(index: number): void
  loadObject(index: number, size: number): number
  finishLoad(): number
  offerWalName(size: number): number
  planReplay(): number
  replayCount(): number
  replayName(index: number): void
  replayFrame(size: number): number
  isReferenced(size: number): boolean
  sequence(): bigint
  epoch(): number
  takePlaceOf(other: EngineBinding): number

  findCollection(size: number): number
  collectionCount(): number
  collectionAt(index: number): number
  collectionName(collection: number, view: number): number
  collectionOptions(collection: number, view: number): number

  beginFrame(timeMs: bigint): number
  framePayload(size: number): number
  frameUpsert(collection: number): number
  frameDelete(collection: number): number
  frameCreate(
    nameSize: number,
    dimensions: number,
    metric: number,
    quantization: number,
    degree: number,
    efConstruction: number,
    seed: bigint,
    vectorType: number,
  ): number
  frameDrop(collection: number): number
  frameTransaction(transaction: number): number
  frameRestore(view: number): number
  frameToken(client: bigint, request: bigint): number
  sealFrame(): number
  frameName(): void
  applyFrame(): void
  appliedCount(index: number): number
  discardFrame(): void
  findToken(client: bigint, request: bigint): number
  checkRowBatch(collection: number, size: number): number

  openView(): number
  openViewAt(sequence: bigint): number
  beginTransaction(): number
  viewSequence(view: number): number
  closeView(view: number): void
  findCollectionIn(view: number, size: number): number
  collectionsIn(view: number): number
  transactionUpsert(transaction: number, collection: number, size: number): number
  transactionDelete(transaction: number, collection: number, size: number): number
  forgetBefore(timeMs: bigint): void
  oldestSequence(): bigint
  sequenceAt(timeMs: bigint): number

  search(
    collection: number,
    queryCount: number,
    k: number,
    efSearch: number,
    exact: boolean,
    include: number,
    view: number,
  ): number
  get(collection: number, size: number, include: number, view: number): number
  list(collection: number, cursor: bigint, limit: number, include: number, view: number): number
  cursorAfter(collection: number, size: number, view: number): number
  count(collection: number, view: number): number
  stats(collection: number): number

  leaveVectors(bytesMin: bigint): void
  leftObjectCount(): number
  leftObjectName(index: number): void
  setMemoryBudget(bytes: bigint, mayLeave: boolean): void
  wanted(): void
  takeWanted(size: number): number
  makeRoom(bytes: bigint): number

  work(steps: number): number

  beginCheckpoint(whole: boolean): number
  nextCheckpointObject(): number
  checkpointObjectName(): void
  finishCheckpoint(): void
  abortCheckpoint(): void
  uncheckpointedWalBytes(): bigint
  uncheckpointedWalObjects(): number
  uncheckpointedGraphRows(): bigint
  reclaimableBytes(): bigint
  storedObjectCount(): number
  storedObjectName(index: number): void
}

export interface CoreInstance {
  readonly HEAPU8: Uint8Array<ArrayBuffer>
  readonly EngineBinding: {
    /** `null`: out of memory. */
    create(): EngineBinding | null
    /** Bytes held by all engines of this instance. */
    memoryBytes(): number
    defaultSeed(): bigint
    /** 1: built with relaxed SIMD. */
    relaxedSimd(): boolean
  }
}
