/**
 * A disk in memory that can be told to fail, hang or lose power at any operation, and be opened again.
 *
 * Operations that change something are numbered from 0 in the order in which they begin. It takes no lock: what a
 * process that lost power held is gone.
 */
import type {
  StorageAdapter,
  StorageCapabilities,
  StorageObject,
  StorageSession,
} from '../../../storage/contract.js'
import type { ErrorCode } from '../../../js/errors/codes.js'
import { errorFromCode } from '../../../js/errors/omen-error.js'

export type WriteKind = 'put' | 'sync' | 'compareAndSetHead' | 'delete'

/** What becomes of an operation: how much of it is done, and what its caller hears. */
export interface Fault {
  readonly done: 'none' | 'half' | 'all'
  readonly answer: ErrorCode | 'hang' | 'power loss'
}

export type FaultPlan = (operation: { readonly index: number; readonly kind: WriteKind }) => Fault | null

export class SimulatedDisk implements StorageAdapter {
  readonly name = 'simulated'
  readonly capabilities: StorageCapabilities = {
    atomicMultiPut: false,
    compareAndSet: true,
    rangedReads: true,
    synchronousReads: false,
    durableOnResolve: true,
    relaxedPutsInOrder: true,
    consistentReads: true,
    largestObjectBytes: 64 << 20,
  }
  readonly objects = new Map<string, Uint8Array>()
  readonly log: { kind: WriteKind; names: readonly string[] }[] = []
  /** Objects of relaxed puts that no sync made durable yet. */
  readonly unsynced = new Set<string>()
  head: Uint8Array | null = null
  plan: FaultPlan = () => null
  /** Reads answer with this while it is set. */
  readError: ErrorCode | null = null
  openSessions = 0
  /** Settles when a fault took the power. */
  readonly powerLoss: Promise<'power loss'>
  #losePower: (what: 'power loss') => void = () => undefined
  /** Sessions of an earlier power cycle hear nothing any more. */
  #cycle = 0

  constructor() {
    this.powerLoss = new Promise((resolve) => (this.#losePower = resolve))
  }

  /** The same contents under a plan that lets everything pass: what the next process finds. */
  restarted(): SimulatedDisk {
    return this.#cycle > 0 ? this.afterPowerCut() : this.#copy()
  }

  #copy(): SimulatedDisk {
    const disk = new SimulatedDisk()
    disk.head = this.head
    for (const [name, bytes] of this.objects) disk.objects.set(name, bytes)
    return disk
  }

  /** What is left when the machine's power fails: nothing that was not synced. */
  afterPowerCut(): SimulatedDisk {
    const disk = this.#copy()
    for (const name of this.unsynced) disk.objects.delete(name)
    return disk
  }

  async open(): Promise<StorageSession> {
    this.openSessions += 1
    const cycle = this.#cycle
    let closed = false
    const alive = async (): Promise<void> => {
      if (cycle !== this.#cycle) await never()
      if (closed) throw errorFromCode('CLOSED', 'the session was closed')
      // As a real store: never in the same turn.
      await Promise.resolve()
    }
    const read = async (): Promise<void> => {
      await alive()
      if (this.readError !== null) throw errorFromCode(this.readError, 'a read failed')
    }
    return {
      readHead: async () => {
        await read()
        return this.head
      },
      get: async (name, range) => {
        await read()
        const bytes = this.objects.get(name)
        return bytes === undefined ? null : bytes.slice(range?.start, range?.end)
      },
      list: async (prefix) => {
        await read()
        return [...this.objects.keys()].filter((name) => name.startsWith(prefix))
      },
      usage: async () => {
        await read()
        return { usedBytes: [...this.objects.values()].reduce((sum, bytes) => sum + bytes.length, 0) }
      },
      compareAndSetHead: async (expected, next) => {
        await alive()
        let replaced = true
        await this.#write('compareAndSetHead', ['head'], () => {
          replaced = equal(this.head, expected)
          if (replaced) this.head = next.slice()
        })
        return replaced
      },
      put: async (objects, head, options) => {
        await alive()
        if (!equal(this.head, head)) throw errorFromCode('LOCKED', 'the head was replaced')
        await this.#write(
          'put',
          objects.map((object) => object.name),
          (part) => {
            this.#store(objects.slice(0, Math.ceil(objects.length * part)))
            if (options?.relaxed === true) for (const { name } of objects) this.unsynced.add(name)
          },
        )
      },
      sync: async () => {
        await alive()
        await this.#write('sync', [], () => this.unsynced.clear())
      },
      delete: async (names) => {
        await alive()
        await this.#write('delete', names, (part) => {
          for (const name of names.slice(0, Math.ceil(names.length * part))) this.objects.delete(name)
        })
      },
      close: async () => {
        if (!closed) this.openSessions -= 1
        closed = true
      },
    }
  }

  #store(objects: readonly StorageObject[]): void {
    for (const { name, bytes } of objects) {
      if (this.objects.has(name)) throw errorFromCode('LOCKED', `the name ${name} is taken`)
      this.objects.set(name, bytes.slice())
    }
  }

  /** `effect` does a part of the operation, 0 to 1. A head is replaced or not; there is no half. */
  async #write(kind: WriteKind, names: readonly string[], effect: (part: number) => void): Promise<void> {
    const index = this.log.length
    this.log.push({ kind, names })
    const fault = this.plan({ index, kind })
    if (fault === null) {
      effect(1)
      return
    }
    if (fault.done === 'all') effect(1)
    if (fault.done === 'half' && kind === 'delete') effect(0.5)
    if (fault.answer === 'power loss') {
      this.#cycle += 1
      this.#losePower('power loss')
    }
    if (fault.answer === 'power loss' || fault.answer === 'hang') await never()
    else throw errorFromCode(fault.answer, `a planned ${fault.answer}`)
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}

function equal(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === b || (a !== null && b !== null && Buffer.compare(a, b) === 0)
}

/** The disk, with sessions that differ. */
export function withSession(
  disk: SimulatedDisk,
  change: (session: StorageSession) => StorageSession,
): SimulatedDisk {
  return Object.create(disk, {
    open: { value: async () => change(await disk.open()) },
  }) as SimulatedDisk
}
