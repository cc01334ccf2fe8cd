import { describe, expect, it } from 'vitest'
import { openInPlace } from './open-in-place.js'
import { applied, contentsOf, fingerprint, SCENARIO } from './scenario.js'
import { type Fault, SimulatedDisk } from './simulated-disk.js'

/** Runs the scenario until its end or until the power goes. Returns how many steps were acknowledged. */
async function live(disk: SimulatedDisk): Promise<number> {
  let acknowledged = 0
  const life = async (): Promise<void> => {
    const { db } = await openInPlace(disk)
    for (const step of SCENARIO) {
      await step.run(db)
      acknowledged += 1
    }
    await db.close()
  }
  await Promise.race([life(), disk.powerLoss])
  // An acknowledgement may be on its way: one that does not wait for storage must be counted too.
  await new Promise(setImmediate)
  return acknowledged
}

async function operationCount(): Promise<number> {
  const disk = new SimulatedDisk()
  expect(await live(disk)).toBe(SCENARIO.length)
  return disk.log.length
}

const FAULTS: readonly Fault[] = [
  { done: 'none', answer: 'power loss' },
  { done: 'half', answer: 'power loss' },
  { done: 'all', answer: 'power loss' },
]

describe('losing power at every storage operation', () => {
  it.each(FAULTS)(
    'keeps acknowledged writes and whole ones only, with $done of the operation done',
    async (fault) => {
      const count = await operationCount()
      expect(count).toBeGreaterThan(SCENARIO.length)
      for (let lost = 0; lost < count; lost += 1) {
        const disk = new SimulatedDisk()
        disk.plan = ({ index }) => (index === lost ? fault : null)
        const acknowledged = await live(disk)

        const { db } = await openInPlace(disk.restarted())
        const found = fingerprint(await contentsOf(db))
        const allowed = [acknowledged, Math.min(acknowledged + 1, SCENARIO.length)].map((steps) =>
          fingerprint(applied(SCENARIO.slice(0, steps))),
        )
        expect(allowed, `power lost at operation ${lost}`).toContain(found)
        await db.close()
      }
    },
  )

  it('keeps them through a second loss while recovering', async () => {
    const first = new SimulatedDisk()
    const acknowledged = await live(first)
    for (let lost = 0; lost < 6; lost += 1) {
      const second = first.restarted()
      second.plan = ({ index }) => (index === lost ? { done: 'all', answer: 'power loss' } : null)
      const reopened = openInPlace(second).then(async ({ db }) => {
        await db.flush()
        await db.close()
      })
      await Promise.race([reopened, second.powerLoss])
      const { db } = await openInPlace(second.restarted())
      expect(fingerprint(await contentsOf(db))).toBe(fingerprint(applied(SCENARIO.slice(0, acknowledged))))
      await db.close()
    }
  })

  it('leaves nothing behind that stays for ever', async () => {
    const count = await operationCount()
    for (let lost = 0; lost < count; lost += 3) {
      const disk = new SimulatedDisk()
      disk.plan = ({ index }) => (index === lost ? { done: 'all', answer: 'power loss' } : null)
      await live(disk)
      const later = disk.restarted()
      const { db } = await openInPlace(later)
      await db.flush()
      await db.close()
      const before = [...later.objects.keys()].sort()
      const again = later.restarted()
      await (await openInPlace(again)).db.close()
      // What a fresh recovery would still find unreferenced is nothing.
      expect([...again.objects.keys()].sort(), `power lost at operation ${lost}`).toEqual(before)
    }
  })
})
