/**
 * Lives of databases, drawn at random, that end at every instant: each state that a crash may leave is opened, compared,
 * written to, closed and opened again, and some of them crash once more on the way.
 *
 * `npm run simulate` lives many lives and looks at every state; here it is a few, and some states of each instant.
 */
import { afterAll, expect, it } from 'vitest'
import { contentsOf, fingerprint } from '../js/engine/scenario.js'
import { openInPlace } from '../js/engine/open-in-place.js'
import { randomOf, seededRandom } from '../storage/seeded-random.js'
import { type CrashState, crashStates, diskOf } from './crash-states.js'
import { Journal } from './journal.js'
import { Life, type LifeOptions, STEP_KINDS, type StepKind, vectorIn } from './life.js'

const { seed: FIRST_SEED } = seededRandom(0)
const LIVES = Number(process.env['OMENDB_SIMULATION_LIVES'] ?? 6)
/** States looked at of a life, of some thousands; spread over all its instants. */
const STATES_MAX = Number(process.env['OMENDB_SIMULATION_STATES'] ?? 200)
/** Steps drawn at random, after one of each kind. */
const STEPS = 15
/** The share of states whose recovery crashes too. */
const AGAIN_SHARE = 0.02
const AGAIN_STATES_MAX = 20
/** Of the lives, after a crash of the machine any relaxed put may be missing; writes are strict there then. */
const UNORDERED_SHARE = 0.3

const looked = { states: 0, again: 0 }
const kinds = new Set<StepKind>()

class Simulation {
  readonly #random: () => number
  readonly #seed: number
  readonly #relaxedPutsInOrder: boolean
  readonly #options: LifeOptions

  constructor(seed: number) {
    const random = randomOf(seed)
    this.#random = random
    this.#seed = seed
    this.#relaxedPutsInOrder = random() >= UNORDERED_SHARE
    this.#options = {
      durability: this.#relaxedPutsInOrder
        ? this.#oneOf(['strict', 'strict', 'relaxed', 'manual'])
        : 'strict',
      retentionMs: seed % 2 === 0 ? 0 : Infinity,
    }
  }

  async run(): Promise<void> {
    const empty: CrashState = { objects: new Map(), head: null, machineFailed: false, what: 'a new database' }
    const life = new Life(this.#journalOf(empty), new Map(), this.#random, this.#options)
    await life.begin()
    for (const kind of this.#oneOfEachKind()) await life.step(kind)
    for (let step = 0; step < STEPS; step += 1) await life.step()
    await life.end()
    for (const kind of life.kinds) kinds.add(kind)
    await this.#crashEverywhere(life, { statesMax: STATES_MAX, again: AGAIN_SHARE, path: '' })
  }

  /** In any order, on collections that are there; the slow kinds in one life of three each. */
  #oneOfEachKind(): StepKind[] {
    const isSlow = (kind: StepKind): boolean => kind === 'large upload' || kind === 'checkpoint unasked'
    const slow: StepKind[] = [['large upload'], ['checkpoint unasked'], []][this.#seed % 3] as StepKind[]
    const rest = [...STEP_KINDS.filter((kind) => !isSlow(kind)), ...slow]
    const shuffled = rest.map((kind) => ({ kind, at: this.#random() })).sort((a, b) => a.at - b.at)
    return ['create', 'create', 'create', ...shuffled.map(({ kind }) => kind)]
  }

  #oneOf<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!
  }

  #journalOf(state: CrashState): Journal {
    const pause = (): Promise<void> =>
      this.#random() < 0.3 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve()
    return new Journal(diskOf(state, this.#relaxedPutsInOrder), pause)
  }

  async #crashEverywhere(
    life: Life,
    { statesMax, again, path }: { statesMax: number; again: number; path: string },
  ): Promise<void> {
    const { journal } = life
    expect(journal.mostUnderWay, 'writes under way at once').toBe(1)
    // How many of each instant: whole ones for certain, the rest by chance.
    const each = statesMax / (journal.now + 1)
    for (let instant = 0; instant <= journal.now; instant += 1) {
      const states = crashStates(journal, instant, this.#random)
      const wanted = Math.floor(each + this.#random())
      while (states.length > wanted) states.splice(Math.floor(this.#random() * states.length), 1)
      for (const state of states) {
        const where = `${path}crash at instant ${instant} of ${journal.now}: ${state.what}`
        await this.#look(life, instant, state, { again: this.#random() < again, path: where })
      }
    }
  }

  /** Opens what a crash left, compares, goes on living there, and opens once more. */
  async #look(
    life: Life,
    instant: number,
    state: CrashState,
    { again, path }: { again: boolean; path: string },
  ): Promise<void> {
    looked.states += 1
    const journal = this.#journalOf(state)
    try {
      const { from, to } = life.allowedAt(instant, state.machineFailed)
      const { db } = await openInPlace(journal.disk, { retentionMs: this.#options.retentionMs })
      const found = fingerprint(await contentsOf(db, vectorIn))
      let index = to
      while (index >= from && fingerprint(life.states[index]!) !== found) index -= 1
      if (index < from) throw new Error(`found none of the states ${from} to ${to}, but ${found}`)
      await this.#compareThePast(life, db, index)
      await db.close()
      await this.#goOn(state, life, index, { again, path })
    } catch (error) {
      const words = `OMENDB_SEED=${this.#seed} npm run simulate -- 1 ${STATES_MAX}`
      throw new Error(`${path}\n(${JSON.stringify(this.#options)}; rerun: ${words})`, { cause: error })
    }
  }

  /** States of before, where the database still has them. */
  async #compareThePast(life: Life, db: Awaited<ReturnType<typeof openInPlace>>['db'], index: number) {
    const { sequence, oldestSequence } = await db.stats()
    const past = life.sequences.filter(
      (each) => each.state <= index && each.sequence >= oldestSequence && each.sequence <= sequence,
    )
    if (past.length === 0) return
    const one = this.#oneOf(past)
    const snapshot = await db.at(one.sequence)
    const held = fingerprint(await contentsOf(snapshot, vectorIn))
    if (held !== fingerprint(life.states[one.state]!))
      throw new Error(`at sequence ${one.sequence} it held ${held}`)
    await snapshot.close()
  }

  async #goOn(
    state: CrashState,
    life: Life,
    index: number,
    { again, path }: { again: boolean; path: string },
  ): Promise<void> {
    const next = new Life(this.#journalOf(state), life.states[index]!, this.#random, {
      ...this.#options,
      durability: 'strict',
    })
    await next.begin()
    for (let step = 0; step < 3; step += 1) await next.step()
    await next.end()
    if (again) {
      looked.again += 1
      await this.#crashEverywhere(next, { statesMax: AGAIN_STATES_MAX, again: 0, path: `${path}\nthen ` })
      return
    }
    const { db } = await openInPlace(next.journal.disk)
    expect(fingerprint(await contentsOf(db, vectorIn)), 'after going on').toBe(
      fingerprint(next.states.at(-1)!),
    )
    await db.close()
  }
}

it.each(Array.from({ length: LIVES }, (_, life) => FIRST_SEED + life))(
  'life %i: every crash',
  async (seed) => {
    await new Simulation(seed).run()
  },
)

it.runIf(LIVES >= 6)('lived through every kind of step', () => {
  expect([...kinds].sort()).toEqual([...STEP_KINDS].sort())
})

afterAll(() => {
  console.log(
    `simulation: seeds ${FIRST_SEED} to ${FIRST_SEED + LIVES - 1}, ${looked.states} states after crashes, ` +
      `${looked.again} of them with crashes of what came next`,
  )
})
