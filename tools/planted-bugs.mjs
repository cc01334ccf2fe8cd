// Bugs that the tests must notice, as patches: in `file`, `find` (there exactly once) becomes `replace`.
//
// `test` is the narrowest test that should fail: files of the vitest project unit or storage, or a filter of the core's tests
// `<layer>:<GoogleTest filter>`. docs/testing.md lists the bugs; numbers are positions here, from 1.

const engine = (name) => `tests/js/engine/${name}.test.ts`

/** @typedef {{ what: string, file: string, find: string, replace: string, test: string }} PlantedBug */
/** @type {PlantedBug[]} */
const host = [
  {
    what: 'a write is acknowledged before it is stored',
    file: 'js/engine/commit-queue.ts',
    find: '        await stored\n',
    replace: '',
    test: engine('power-loss'),
  },
  {
    what: 'a part of an upsert is committed although the one before it was not',
    file: 'js/engine/commit-queue.ts',
    find: '  if (write.chain !== undefined) write.chain.broken ??= error\n',
    replace: '',
    test: engine('uploads'),
  },
  {
    what: 'a frame built on one that storage refused is stored',
    file: 'js/engine/commit-queue.ts',
    find: '        this.#takeBack(next)\n        await this.#refused',
    replace: '        await this.#refused',
    test: engine('uploads'),
  },
  {
    what: 'a head is set without syncing what it names',
    file: 'js/engine/store.ts',
    find: '    await this.sync()\n    this.#putBytes += next.length',
    replace: '    this.#putBytes += next.length',
    test: 'tests/simulation/crashes.test.ts',
  },
  {
    what: 'the name of a frame that found no room is used again without deleting it',
    file: 'js/engine/commit-queue.ts',
    find: "error.code !== 'QUOTA_EXCEEDED' || !(await this.#removeForCertain(name))",
    replace: "error.code !== 'QUOTA_EXCEEDED' || name === ''",
    test: engine('storage-faults'),
  },
  {
    what: 'writing goes on after a write with an unknown outcome',
    file: 'js/engine/commit-queue.ts',
    find: "if (error.code !== 'QUOTA_EXCEEDED' ||",
    replace: "if (error.code === 'LOCKED' ||",
    test: engine('storage-faults'),
  },
  {
    what: 'a checkpoint ignores that its head was not set',
    file: 'js/engine/checkpointer.ts',
    find: "    if (!replaced) {\n      this.#store.becomeReadOnly('another",
    replace: "    if (replaced === null) {\n      this.#store.becomeReadOnly('another",
    test: engine('checkpoints'),
  },
  {
    what: 'opening ignores that another writer took the head',
    file: 'js/engine/recovery.ts',
    find: 'if (!(await options.session.compareAndSetHead(stored, head))) {',
    replace: 'if (!(await options.session.compareAndSetHead(stored, head)) && head.length === 0) {',
    test: engine('recovery'),
  },
  {
    what: 'the WAL is deleted before the head that makes it superfluous is set',
    file: 'js/engine/checkpointer.ts',
    find: '      replaced = await this.#store.replaceHead(next)\n',
    replace:
      "      await this.#store.session.delete([...this.#store.names].filter((name) => name.startsWith('w')))\n" +
      '      replaced = await this.#store.replaceHead(next)\n',
    test: engine('power-loss'),
  },
  {
    what: 'frames committed during a checkpoint are deleted with the others',
    file: 'js/engine/checkpointer.ts',
    find: 'deleteUnreferenced((name) => engine.isReferenced(name))',
    replace: "deleteUnreferenced((name) => name.startsWith('w') === false && engine.isReferenced(name))",
    test: engine('checkpoints'),
  },
  {
    what: 'the last frame of the WAL is not replayed',
    file: 'js/engine/recovery.ts',
    find: 'indexes(0, engine.replayCount()),',
    replace: 'indexes(0, engine.replayCount() - 1),',
    test: engine('power-loss'),
  },
  {
    what: 'frames are replayed in another order',
    file: 'js/engine/recovery.ts',
    find: '(index) => engine.replayName(index),',
    replace: '(index) => engine.replayName(engine.replayCount() - 1 - index),',
    test: engine('power-loss'),
  },
  {
    what: 'what a backup still reads is deleted',
    file: 'js/engine/store.ts',
    find: ' && !this.#pins.has(name))',
    replace: ')',
    test: engine('backup-faults'),
  },
  {
    what: 'what a head that may still arrive would name is deleted',
    file: 'js/engine/checkpointer.ts',
    find: '    engine.abortCheckpoint()\n    if (stored === null) {',
    replace:
      '    engine.abortCheckpoint()\n' +
      '    await this.#store.deleteUnreferenced((name) => engine.isReferenced(name))\n' +
      '    if (stored === null) {',
    test: engine('storage-faults'),
  },
  {
    what: 'objects without a head are taken for an empty database',
    file: 'js/engine/recovery.ts',
    find: '  if (names.length > 0) {\n    throw',
    replace: '  if (names.length < 0) {\n    throw',
    test: engine('recovery'),
  },
  {
    what: 'strict writes are put relaxed',
    file: 'js/engine/store.ts',
    find: "await this.#put(object, this.durability !== 'strict')",
    replace: 'await this.#put(object, true)',
    test: 'tests/simulation/crashes.test.ts',
  },
  {
    what: 'writes are relaxed where the storage may lose one from the middle',
    file: 'js/engine/durability.ts',
    find: "if (!host.adapter.capabilities.relaxedPutsInOrder) return 'strict'",
    replace: '',
    test: engine('durability'),
  },
  {
    what: 'flush resolves without a sync',
    file: 'js/engine/store.ts',
    find: '      await this.session.sync()\n      this.#unsynced = false\n    } catch',
    replace: '      this.#unsynced = false\n    } catch',
    test: engine('durability'),
  },
  {
    what: 'close leaves a WAL behind',
    file: 'js/engine/checkpointer.ts',
    find: '      this.#engine.uncheckpointedWalObjects() > 0 || this.#engine.uncheckpointedGraphRows() >= GRAPH_ROWS_MIN\n',
    replace: '      this.#engine.uncheckpointedGraphRows() >= GRAPH_ROWS_MIN\n',
    test: engine('commits'),
  },
  {
    what: 'writing goes on after a restore with an unknown outcome',
    file: 'js/engine/checkpointer.ts',
    find: '      if (!isOld || !(await this.#abort(next, written))) this.#restoreFailed(error)\n',
    replace: '      if (isOld && !(await this.#abort(next, written))) this.#restoreFailed(error)\n',
    test: engine('backup-faults'),
  },
  {
    what: 'a reader does not look whether the head changed while it read',
    file: 'js/engine/recovery.ts',
    find: '(!options.readOnly || (await isStill(head, options)))',
    replace: 'head.length > 0',
    test: engine('recovery-races'),
  },
  {
    what: 'the token of a write is not stored with it',
    file: 'js/engine/commit-queue.ts',
    find: 'if (token !== undefined) this.#engine.frameToken(token)',
    replace: '',
    test: engine('tokens'),
  },
  {
    what: 'memory storage takes a put of a fenced writer',
    file: 'storage/memory.ts',
    find: 'if (!equalBytes(stored.head, head)) throw this.#guard.headReplaced()',
    replace: '',
    test: 'tests/storage/memory.test.ts',
  },
  {
    what: 'folder storage takes a put of a fenced writer',
    file: 'storage/node-fs.ts',
    find: 'if (!equalBytes(current?.bytes ?? null, head)) throw this.#guard.headReplaced()',
    replace: '',
    test: 'tests/storage/node-fs.test.ts',
  },
]

/** @type {PlantedBug[]} */
const core = [
  {
    what: 'the checksums of an object’s blocks are not compared',
    file: 'core/format/object.cc',
    find: '    if (stored != actual) {\n      return origin.Fault(kObjectHeaderBytes + i',
    replace:
      '    if (stored != actual && body_bytes == 0) {\n      return origin.Fault(kObjectHeaderBytes + i',
    test: 'format:*',
  },
  {
    what: 'tombstones forget the rows that died since',
    file: 'core/engine/checkpoint_plan.cc',
    find: 'if (slot == kNoSlot || collection.hidden().Test(slot)) plan->tombstones.Set(position);',
    replace: 'if (slot == kNoSlot) plan->tombstones.Set(position);',
    test: 'engine:CrashSimulation.CommitsAndCheckpoints',
  },
  {
    what: 'a slot that a view still shows is freed',
    file: 'core/engine/engine_state.h',
    find: 'std::min(log.oldest_sequence(), views.OldestSequence(sequence))',
    replace: 'log.oldest_sequence()',
    test: 'engine:EngineModel*',
  },
  {
    what: 'restoring a past state leaves the rows that came since',
    file: 'core/engine/restore.cc',
    find: '  OMENDB_TRY(AddDeletes(newest, came.span(), frame));\n',
    replace: '  if (came.empty()) OMENDB_TRY(AddDeletes(newest, came.span(), frame));\n',
    test: 'engine:CrashSimulation.HistoryRestoresAndTransactions:EngineModel*',
  },
  {
    what: 'a transaction is committed without looking for conflicts',
    file: 'core/engine/transaction.cc',
    find: '    OMENDB_TRY(CheckConflict(collections, transaction, write));\n',
    replace:
      '    if (write.payload.size() == 0) OMENDB_TRY(CheckConflict(collections, transaction, write));\n',
    test: 'engine:EngineModel*',
  },
  {
    what: 'the first commit after a transaction began does not conflict with it',
    file: 'core/engine/collection_view.cc',
    find: 'const uint32_t numbers_end = collection.NumbersEnd(sequence);\n  for (uint32_t i = 0; i < ids.count(); ++i) {\n    const uint32_t slot = collection.Find(ids[i]);\n    if (slot != kNoSlot &&',
    replace:
      'const uint32_t numbers_end = collection.NumbersEnd(++sequence);\n  for (uint32_t i = 0; i < ids.count(); ++i) {\n    const uint32_t slot = collection.Find(ids[i]);\n    if (slot != kNoSlot &&',
    test: 'engine:*TransactionTest*',
  },
  {
    what: 'cleaning a graph leaves the links of nodes that are taken out',
    file: 'core/engine/graph_index.cc',
    find: '      graph_.ClearNode(node);\n',
    replace: '      (void)node;\n',
    test: 'engine:*',
  },
  {
    what: 'a frame whose vectors a checkpoint names counts as unreferenced',
    file: 'core/engine/engine.cc',
    find: 'state_->frames.Contains(name) || state_->checkpoint.Contains(name);',
    replace: 'state_->frames.Contains(name);',
    test: 'engine:CrashSimulation.UploadsWhoseVectorsStayInTheirFrame',
  },
  {
    what: 'rows are born one commit late in the past',
    file: 'core/engine/history.cc',
    find: 'return wanted < birth.sequence;',
    replace: 'return wanted <= birth.sequence;',
    test: 'engine:EngineModel*',
  },
  {
    what: 'of two frames of one sequence the fenced writer’s counts',
    file: 'core/engine/wal_tail.cc',
    find: 'return a.epoch() > b.epoch();',
    replace: 'return a.epoch() < b.epoch();',
    test: 'engine:*',
  },
  {
    what: 'RaBitQ’s error bound is half as wide',
    file: 'core/quantize/rabitq_quantizer.cc',
    find: 'kErrorDeviations = 3;',
    replace: 'kErrorDeviations = 1.5F;',
    test: 'quantize:*RabitqEstimate*',
  },
  {
    what: 'a rotation is undone with the signs of another round',
    file: 'core/quantize/rotation.cc',
    find: '    Transform(Part(vector, round), part_);\n    Multiply(vector, Signs(round), padded_);',
    replace:
      '    Transform(Part(vector, round), part_);\n    Multiply(vector, Signs((round + 1) % kRounds), padded_);',
    test: 'quantize:*Rotation*',
  },
  {
    what: 'RaBitQ’s dot products leave out what rows have with the center',
    file: 'core/quantize/rabitq_quantizer.cc',
    find: 'if (metric_ == Metric::kDot) query->term_scale = -1;',
    replace: 'if (metric_ == Metric::kDot) query->term_scale = 0;',
    test: 'quantize:*Rabitq*',
  },
  {
    what: 'a stored rotation is made from the collection’s seed',
    file: 'core/quantize/rabitq_quantizer.cc',
    find: 'return Adopt(seed, std::move(center));',
    replace: 'return Adopt(seed == 0 ? seed : seed_, std::move(center));',
    test: 'quantize:*Stored*',
  },
  {
    what: 'halves without a leading digit are taken for others',
    file: 'core/distance/scalar.cc',
    find: '  if (rest < 1U << 23) bits',
    replace: '  if (rest == 0) bits',
    test: 'distance:*',
  },
  {
    what: 'bytes of vectors have no sign',
    file: 'core/distance/scalar.cc',
    find: 'static_cast<float>(static_cast<int8_t>(bytes[i]));',
    replace: 'static_cast<float>(bytes[i]);',
    test: 'distance:*',
  },
  {
    what: 'bits that stand for no dimension are taken as they are',
    file: 'core/distance/metric.cc',
    find: '  if (type == VectorType::kBinary) OMENDB_TRY(CheckUnusedBits(row, dimensions));\n',
    replace: '  if (dimensions == 0) OMENDB_TRY(CheckUnusedBits(row, dimensions));\n',
    test: 'distance:*',
  },
]

export const PLANTED_BUGS = [...host, ...core]
