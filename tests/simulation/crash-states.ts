/**
 * What a crash at one instant may leave of a disk, by the storage contract and nothing stricter:
 *
 * - an operation under way is done, not done, or (a deletion of several objects) done in part;
 * - operations that overlap are each done or not, whatever became of the others;
 * - when the machine fails, not only the process, relaxed puts since the last sync are lost: the last ones where the
 *   adapter keeps their order, any of them where it does not;
 * - a deleted object may turn up again: no contract says that a deletion is durable.
 *
 * Objects and heads are never torn; that much the contract promises.
 */
import type { Journal, Operation } from './journal.js'
import { SimulatedDisk } from '../js/engine/simulated-disk.js'

export interface CrashState {
  readonly objects: ReadonlyMap<string, Uint8Array>
  readonly head: Uint8Array | null
  /** Relaxed puts may be lost. */
  readonly machineFailed: boolean
  /** For messages. */
  readonly what: string
}

/** Of the operations under way, and of the deleted objects: what is done, and what returns. */
type Part = 'none' | 'half' | 'all'
const PARTS: readonly Part[] = ['none', 'half', 'all']

/** The disk that the next process finds. */
export function diskOf(state: CrashState, relaxedPutsInOrder: boolean): SimulatedDisk {
  const disk = new SimulatedDisk()
  Object.assign(disk.capabilities, { relaxedPutsInOrder })
  disk.head = state.head
  for (const [name, bytes] of state.objects) disk.objects.set(name, bytes)
  return disk
}

/** All states, each once, that a crash just after `instant` may leave. */
export function crashStates(journal: Journal, instant: number, random: () => number): CrashState[] {
  const history = historyUntil(journal, instant)
  const states = new Map<string, CrashState>()
  for (const lost of losses(history, journal.disk.capabilities.relaxedPutsInOrder, random)) {
    for (const done of PARTS) {
      for (const back of PARTS) {
        const state = stateAfter(history, { lost, done, back, random })
        const head = state.head === null ? '' : Buffer.from(state.head).toString('latin1')
        const key = [String(state.machineFailed), head, ...[...state.objects.keys()].sort()].join('/')
        if (!states.has(key)) states.set(key, state)
      }
    }
  }
  return [...states.values()]
}

/** A disk's past at an instant. */
interface History {
  readonly objects: Map<string, Uint8Array>
  head: Uint8Array | null
  /** Names of relaxed puts that no sync has made durable, in their order. */
  unsynced: { readonly name: string; readonly end: number }[]
  readonly deleted: Map<string, Uint8Array>
  readonly underWay: Operation[]
}

function historyUntil(journal: Journal, instant: number): History {
  const { objects, head } = journal.before
  const history: History = {
    objects: new Map(objects),
    head,
    unsynced: [],
    deleted: new Map(),
    underWay: [],
  }
  const begun = journal.operations.filter(({ begin }) => begin <= instant)
  history.underWay.push(...begun.filter(({ end }) => end > instant))
  const ended = begun.filter(({ end }) => end <= instant)
  for (const operation of ended.sort((a, b) => a.end - b.end)) apply(history, operation)
  return history
}

function apply(history: History, { change, begin, end }: Operation): void {
  switch (change.kind) {
    case 'put':
      for (const { name, bytes } of change.objects) {
        history.objects.set(name, bytes)
        if (change.relaxed) history.unsynced.push({ name, end })
      }
      break
    case 'sync':
      history.unsynced = history.unsynced.filter((put) => put.end > begin)
      break
    case 'head':
      history.head = change.head
      break
    case 'delete':
      for (const name of change.names) {
        const bytes = history.objects.get(name)
        if (bytes !== undefined) history.deleted.set(name, bytes)
        history.objects.delete(name)
      }
  }
}

/** Which relaxed puts are gone; `null`: only the process has ended. */
type Loss = ReadonlySet<string> | null

function losses({ unsynced }: History, inOrder: boolean, random: () => number): Loss[] {
  const names = unsynced.map(({ name }) => name)
  const some = (keep: (index: number) => boolean): Loss => new Set(names.filter((_, i) => !keep(i)))
  const all: Loss[] = [null]
  for (let kept = 0; kept <= names.length; kept += 1) all.push(some((i) => i < kept))
  if (inOrder) return all
  for (let missing = 0; missing < names.length; missing += 1) all.push(some((i) => i !== missing))
  all.push(some(() => random() < 0.5))
  return all
}

interface Fate {
  readonly lost: Loss
  readonly done: Part
  readonly back: Part
  readonly random: () => number
}

function stateAfter(history: History, { lost, done, back, random }: Fate): CrashState {
  const objects = new Map(history.objects)
  let { head } = history
  for (const { change } of history.underWay) {
    const isDone = done === 'all' || (done === 'half' && random() < 0.5)
    // A relaxed put under way is the last one: where others are lost it is lost too.
    if (change.kind === 'put' && isDone && !(change.relaxed && lost !== null && lost.size > 0))
      for (const { name, bytes } of change.objects) objects.set(name, bytes)
    if (change.kind === 'head' && isDone) head = change.head
    if (change.kind === 'delete')
      for (const name of change.names)
        if (done === 'all' || (done === 'half' && random() < 0.5)) objects.delete(name)
  }
  for (const name of lost ?? []) objects.delete(name)
  for (const [name, bytes] of history.deleted)
    if (back === 'all' || (back === 'half' && random() < 0.5)) objects.set(name, bytes)
  const underWay = history.underWay.map(({ change }) => change.kind).join()
  const machine = lost === null ? 'the process ended' : `the machine failed, ${lost.size} relaxed puts lost`
  const what = `${machine}; under way: ${underWay} (${done} done); deleted objects back: ${back}`
  return { objects, head, machineFailed: lost !== null, what }
}
