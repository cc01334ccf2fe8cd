/**
 * Checks a history of transactions that append to lists for the anomalies that snapshot isolation rules out, as Adya
 * names them: G0, G1a, G1b, G1c, G-single. Write skew (G2 with two antidependencies) is allowed, and passes.
 *
 * Every appended value is unique, so each read of a list tells which transactions wrote it, and in which order.
 */

export type ListOperation =
  | { readonly kind: 'read'; readonly key: string; readonly list: readonly number[] }
  | { readonly kind: 'append'; readonly key: string; readonly value: number }

export interface ListTransaction {
  readonly committed: boolean
  readonly operations: readonly ListOperation[]
}

type Dependency = 'ww' | 'wr' | 'rw'

/** What is wrong with it, in words that begin with the anomaly's name; empty when nothing is. */
export function anomaliesOf(history: readonly ListTransaction[]): string[] {
  const writerOf = writers(history)
  const order = versionOrder(history)
  const edges = dependencies(history, writerOf, order)
  return [
    ...internalReads(history),
    ...dirtyReads(history, writerOf),
    ...incompatibleReads(history, order),
    ...lostAppends(history, order),
    ...cycles(edges),
  ]
}

function writers(history: readonly ListTransaction[]): Map<number, number> {
  const writerOf = new Map<number, number>()
  history.forEach(({ operations }, index) => {
    for (const each of operations) {
      if (each.kind !== 'append') continue
      if (writerOf.has(each.value)) throw new Error(`the value ${each.value} is appended twice`)
      writerOf.set(each.value, index)
    }
  })
  return writerOf
}

function* committed(history: readonly ListTransaction[]): Generator<[number, ListTransaction]> {
  for (const [index, transaction] of history.entries()) if (transaction.committed) yield [index, transaction]
}

/** Reads before the transaction's own first append to the key: what others wrote. */
function externalReads({ operations }: ListTransaction) {
  const appended = new Set<string>()
  const reads: { key: string; list: readonly number[] }[] = []
  for (const each of operations) {
    if (each.kind === 'append') appended.add(each.key)
    else if (!appended.has(each.key)) reads.push(each)
  }
  return reads
}

/** A read must see what the same transaction read before, and then appended. */
function internalReads(history: readonly ListTransaction[]): string[] {
  const found: string[] = []
  for (const [index, { operations }] of committed(history)) {
    const seen = new Map<string, number[] | null>()
    for (const each of operations) {
      const before = seen.get(each.key)
      if (each.kind === 'append') {
        if (before !== undefined && before !== null) before.push(each.value)
        continue
      }
      if (before !== undefined && before !== null && String(before) !== String(each.list)) {
        found.push(
          `internal: transaction ${index} read ${String(each.list)} of ${each.key} after ${String(before)}`,
        )
      }
      seen.set(each.key, [...each.list])
    }
  }
  return found
}

/** G1a: what an aborted transaction wrote was read. G1b: what was not a transaction's last write of the key was. */
function dirtyReads(history: readonly ListTransaction[], writerOf: Map<number, number>): string[] {
  const found: string[] = []
  for (const [index, transaction] of committed(history)) {
    for (const { key, list } of externalReads(transaction)) {
      for (const value of list) {
        const writer = writerOf.get(value)
        if (writer === undefined || !(history[writer] as ListTransaction).committed)
          found.push(`G1a: transaction ${index} read ${value} of ${key}, which was never committed`)
      }
      const last = list.at(-1)
      const writer = last === undefined ? undefined : writerOf.get(last)
      if (writer === undefined || writer === index) continue
      const appends = (history[writer] as ListTransaction).operations.filter(
        (each) => each.kind === 'append' && each.key === key,
      )
      const final = appends.at(-1)
      if (final?.kind === 'append' && final.value !== last)
        found.push(`G1b: transaction ${index} read ${key} between two writes of transaction ${writer}`)
    }
  }
  return found
}

/** Of each key the longest list that was read. */
function versionOrder(history: readonly ListTransaction[]): Map<string, readonly number[]> {
  const order = new Map<string, readonly number[]>()
  for (const [, transaction] of committed(history)) {
    for (const { key, list } of externalReads(transaction)) {
      if (list.length > (order.get(key)?.length ?? -1)) order.set(key, list)
    }
  }
  return order
}

function incompatibleReads(
  history: readonly ListTransaction[],
  order: Map<string, readonly number[]>,
): string[] {
  const found: string[] = []
  for (const [index, transaction] of committed(history)) {
    for (const { key, list } of externalReads(transaction)) {
      const whole = order.get(key) ?? []
      if (list.some((value, i) => whole[i] !== value))
        found.push(`order: transaction ${index} read ${String(list)} of ${key}, others ${String(whole)}`)
    }
  }
  return found
}

/** The history has to end with a read of every key. */
function lostAppends(history: readonly ListTransaction[], order: Map<string, readonly number[]>): string[] {
  const found: string[] = []
  for (const [index, { operations }] of committed(history)) {
    for (const each of operations) {
      if (each.kind === 'append' && order.get(each.key)?.includes(each.value) !== true)
        found.push(`lost: ${each.value}, which transaction ${index} appended to ${each.key}`)
    }
  }
  return found
}

type Edges = Map<number, { to: number; kind: Dependency }[]>

function dependencies(
  history: readonly ListTransaction[],
  writerOf: Map<number, number>,
  order: Map<string, readonly number[]>,
): Edges {
  const edges: Edges = new Map()
  const add = (from: number | undefined, to: number | undefined, kind: Dependency): void => {
    if (from === undefined || to === undefined || from === to) return
    const list = edges.get(from) ?? []
    list.push({ to, kind })
    edges.set(from, list)
  }
  const writerAt = (list: readonly number[], i: number) => {
    const value = list[i]
    return value === undefined ? undefined : writerOf.get(value)
  }
  for (const list of order.values()) {
    for (let i = 1; i < list.length; i += 1) add(writerAt(list, i - 1), writerAt(list, i), 'ww')
  }
  for (const [reader, transaction] of committed(history)) {
    for (const { key, list } of externalReads(transaction)) {
      add(writerAt(list, list.length - 1), reader, 'wr')
      add(reader, writerAt(order.get(key) ?? [], list.length), 'rw')
    }
  }
  return edges
}

/** Each anomaly once, with the transactions of one cycle. */
function cycles(edges: Edges): string[] {
  const found = new Map<string, string>()
  for (const [from, list] of edges) {
    for (const { to, kind } of list) {
      const name = kind === 'rw' ? 'G-single' : kind === 'wr' ? 'G1c' : 'G0'
      if (found.has(name)) continue
      const allowed: readonly Dependency[] = kind === 'ww' ? ['ww'] : ['ww', 'wr']
      const path = pathOf(edges, to, from, allowed)
      if (path !== null) found.set(name, `${name}: transactions ${[from, ...path].join(' -> ')}`)
    }
  }
  return [...found.values()]
}

function pathOf(edges: Edges, from: number, to: number, allowed: readonly Dependency[]): number[] | null {
  const before = new Map<number, number>([[from, from]])
  const queue = [from]
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    if (at === to) {
      const path = [to]
      while (path[0] !== from) path.unshift(before.get(path[0] as number) as number)
      return path
    }
    for (const edge of edges.get(at) ?? []) {
      if (!allowed.includes(edge.kind) || before.has(edge.to)) continue
      before.set(edge.to, at)
      queue.push(edge.to)
    }
  }
  return null
}
