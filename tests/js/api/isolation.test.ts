import { expect, it } from 'vitest'
import { type Database, OmenError, type Transaction } from 'omendb'
import { seededRandom } from '../../storage/seeded-random.js'
import { describeBoth } from './both-engines.js'
import { anomaliesOf, type ListOperation, type ListTransaction } from './list-append.js'

const KEYS = ['a', 'b', 'c', 'd', 'e']
const CLIENTS = 6
const TRANSACTIONS = 40

interface List {
  list: number[]
}

class Client {
  readonly history: ListTransaction[] = []
  conflicts = 0
  readonly #db: Database
  readonly #random: () => number
  readonly #nextValue: () => number

  constructor(db: Database, random: () => number, nextValue: () => number) {
    this.#db = db
    this.#random = random
    this.#nextValue = nextValue
  }

  async live(): Promise<void> {
    for (let i = 0; i < TRANSACTIONS; i += 1) await this.#once()
  }

  async #once(): Promise<void> {
    const operations: ListOperation[] = []
    const isGivenUp = this.#random() < 0.15
    let committed = false
    try {
      await this.#db.transaction(async (transaction) => {
        const count = 1 + this.#below(4)
        for (let i = 0; i < count; i += 1) await this.#readAndAppend(transaction, operations)
        if (isGivenUp) throw new Error('given up')
      })
      committed = true
    } catch (error) {
      if (error instanceof OmenError && error.code === 'CONFLICT') this.conflicts += 1
      else if (!isGivenUp) throw error
    }
    this.history.push({ committed, operations })
  }

  async #readAndAppend(transaction: Transaction, operations: ListOperation[]): Promise<void> {
    if (this.#random() < 0.5) await new Promise(setImmediate)
    const lists = await transaction.collection<List>('lists')
    const key = KEYS[this.#below(KEYS.length)]!
    const [row] = await lists.get([key], { include: ['metadata'] })
    const list = row?.metadata?.list ?? []
    operations.push({ kind: 'read', key, list })
    if (this.#random() < 0.4) return
    const value = this.#nextValue()
    await lists.upsert([{ id: key, vector: [value], metadata: { list: [...list, value] } }])
    operations.push({ kind: 'append', key, value })
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

describeBoth('transactions of several clients', (openMemory) => {
  it.each([1, 2, 3])('show no anomaly that snapshot isolation rules out (round %i)', async (round) => {
    const db = await openMemory()
    const lists = await db.collection<List>('lists', { dimensions: 1, metric: 'l2' })
    let value = 0
    const nextValue = (): number => (value += 1)
    const clients = Array.from(
      { length: CLIENTS },
      (_, i) => new Client(db, seededRandom(round * 100 + i).random, nextValue),
    )
    const { seed } = seededRandom(0)
    await Promise.all(clients.map((client) => client.live()))
    const rows = await lists.get(KEYS)
    const last: ListTransaction = {
      committed: true,
      operations: KEYS.map((key, i) => ({ kind: 'read', key, list: rows[i]?.metadata?.list ?? [] })),
    }
    const history = [...clients.flatMap((client) => client.history), last]
    expect(anomaliesOf(history), `OMENDB_SEED=${seed}`).toEqual([])
    expect(history.filter(({ committed }) => committed).length).toBeGreaterThan(CLIENTS * TRANSACTIONS * 0.2)
    expect(clients.reduce((sum, { conflicts }) => sum + conflicts, 0)).toBeGreaterThan(0)
  })
})
