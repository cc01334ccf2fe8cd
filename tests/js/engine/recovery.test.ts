import { describe, expect, it } from 'vitest'
import { openInPlace, OPTIONS, rejection, rejectionError, vectorOf } from './open-in-place.js'
import { SimulatedDisk, withSession } from './simulated-disk.js'

/** A disk with a checkpoint of rows 1 and 2 and a WAL of rows 3 and 4, as a writer leaves it that was killed. */
async function written(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk()
  const { db } = await openInPlace(disk)
  const collection = await db.collection('notes', OPTIONS)
  await collection.upsert([1, 2].map((id) => ({ id, vector: vectorOf(id) })))
  await db.flush()
  await collection.upsert([{ id: 3, vector: vectorOf(3) }])
  await collection.upsert([{ id: 4, vector: vectorOf(4) }])
  const left = disk.restarted()
  await db.close()
  return left
}

describe('opening', () => {
  it('writes the first head before anything else', async () => {
    const disk = new SimulatedDisk()
    const { db } = await openInPlace(disk)
    expect(disk.log.map(({ kind }) => kind)).toEqual(['compareAndSetHead'])
    await db.close()
  })

  it('never takes objects without a head for an empty database', async () => {
    for (const prefix of ['', 'd', 'w']) {
      const disk = await written()
      disk.head = null
      for (const name of disk.objects.keys()) if (!name.startsWith(prefix)) disk.objects.delete(name)
      const names = [...disk.objects.keys()]
      expect(names.length).toBeGreaterThan(0)
      for (const readOnly of [false, true]) {
        expect(await rejection(openInPlace(disk, { readOnly }))).toBe('CORRUPTION')
      }
      expect([...disk.objects.keys()]).toEqual(names)
      expect(disk.head).toBeNull()
      expect(disk.openSessions).toBe(0)
    }
  })

  it('reports an object that is missing, and names it', async () => {
    const whole = await written()
    for (const name of whole.objects.keys()) {
      const disk = whole.restarted()
      disk.objects.delete(name)
      const error = await rejectionError(openInPlace(disk))
      // The last WAL object is the one whose absence looks like a write that never was.
      const isLast =
        name ===
        [...whole.objects.keys()]
          .filter((each) => each.startsWith('w'))
          .sort()
          .at(-1)
      if (isLast) expect(error).toBeNull()
      else expect([name, error?.code]).toEqual([name, 'CORRUPTION'])
    }
  })

  it('to write changes nothing stored when the manifest or what it names is damaged', async () => {
    const whole = await written()
    for (const name of [...whole.objects.keys()].filter((each) => each.startsWith('d'))) {
      for (const damage of ['missing', 'changed']) {
        const disk = whole.restarted()
        if (damage === 'missing') disk.objects.delete(name)
        else
          disk.objects.set(
            name,
            disk.objects.get(name)!.map((byte) => byte ^ 1),
          )
        expect([name, await rejection(openInPlace(disk))]).toEqual([name, 'CORRUPTION'])
        expect(disk.log).toEqual([])
      }
    }
  })

  it('to write is LOCKED when another writer took over while the WAL was being read', async () => {
    const disk = await written()
    const slow = withSession(disk, (session) => ({
      ...session,
      list: async (prefix) => {
        const names = await session.list(prefix)
        const { db: other } = await openInPlace(disk)
        await other.close()
        return names
      },
    }))
    expect(await rejection(openInPlace(slow))).toBe('LOCKED')
  })

  it('reports a WAL object that is listed and cannot be found', async () => {
    const disk = await written()
    const last = [...disk.objects.keys()]
      .filter((name) => name.startsWith('w'))
      .sort()
      .at(-1)
    const forgetful = withSession(disk, (session) => ({
      ...session,
      get: async (name, range) => (name === last ? null : session.get(name, range)),
    }))
    for (const readOnly of [false, true]) {
      const error = await rejectionError(openInPlace(forgetful, { readOnly }))
      expect([error?.code, error?.message]).toEqual(['CORRUPTION', expect.stringContaining(last!)])
    }
  })

  it('is LOCKED when another writer was quicker', async () => {
    for (const disk of [new SimulatedDisk(), await written()]) {
      const raced = withSession(disk, (session) => ({ ...session, compareAndSetHead: async () => false }))
      const names = [...disk.objects.keys()]
      expect(await rejection(openInPlace(raced))).toBe('LOCKED')
      expect([...disk.objects.keys()]).toEqual(names)
      expect(disk.openSessions).toBe(0)
    }
  })

  it('reports every changed byte', async () => {
    const whole = await written()
    const change = (bytes: Uint8Array, at: number): Uint8Array => {
      const changed = bytes.slice()
      changed[at]! ^= 1 << (at % 8)
      return changed
    }
    for (let at = 0; at < whole.head!.length; at += 1) {
      const disk = whole.restarted()
      disk.head = change(whole.head!, at)
      expect([at, await rejection(openInPlace(disk, { readOnly: true }))]).toEqual([
        at,
        expect.stringMatching(/CORRUPTION|UNSUPPORTED_VERSION/),
      ])
    }
    for (const [name, bytes] of whole.objects) {
      for (let at = 0; at < bytes.length; at += 7) {
        const disk = whole.restarted()
        disk.objects.set(name, change(bytes, at))
        expect([name, at, await rejection(openInPlace(disk, { readOnly: true }))]).toEqual([
          name,
          at,
          expect.stringMatching(/CORRUPTION|UNSUPPORTED_VERSION/),
        ])
      }
    }
  })

  it('reports a WAL object with a name that none can have', async () => {
    const disk = await written()
    disk.objects.set('w-strange', new Uint8Array(8))
    expect(await rejection(openInPlace(disk))).toBe('CORRUPTION')
  })

  it('passes a failing read on, and leaves nothing open', async () => {
    const disk = await written()
    disk.readError = 'STORAGE_FAILED'
    expect(await rejection(openInPlace(disk))).toBe('STORAGE_FAILED')
    expect(disk.openSessions).toBe(0)
  })

  it('deletes what nothing refers to, and nothing that is not its own', async () => {
    const disk = await written()
    const names = [...disk.objects.keys()].sort()
    disk.objects.set('d00000009-0000000000000001', new Uint8Array(8))
    disk.objects.set('a-readme', new Uint8Array(8))
    const { db } = await openInPlace(disk)
    // Waits for the deletion, which goes on after opening.
    await (await db.collection('notes')).upsert([{ id: 5, vector: vectorOf(5) }])
    const now = [...disk.objects.keys()].filter((name) => name !== disk.log.at(-1)?.names[0])
    expect(now.sort()).toEqual(['a-readme', ...names])
    await db.close()
  })

  it('fences the writer before it', async () => {
    const disk = await written()
    const { db: first } = await openInPlace(disk)
    const { db: second } = await openInPlace(disk)
    const late = (await first.collection('notes')).upsert([{ id: 5, vector: vectorOf(5) }])
    expect(await rejection(late)).toBe('LOCKED')
    await (await second.collection('notes')).upsert([{ id: 6, vector: vectorOf(6) }])
    await first.close()
    await second.close()
  })
})

describe('opening that is given up', () => {
  it('rejects at once although storage is silent, and closes what opens late', async () => {
    const disk = await written()
    disk.plan = () => ({ done: 'all', answer: 'hang' })
    const controller = new AbortController()
    const opening = openInPlace(disk, { signal: controller.signal })
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
    controller.abort('too slow')
    expect(await rejectionError(opening)).toMatchObject({ code: 'ABORTED', cause: 'too slow' })

    const slow = await written()
    let release = (): void => undefined
    const late = Object.create(slow, {
      open: {
        value: async () => {
          await new Promise<void>((resolve) => (release = resolve))
          return slow.open()
        },
      },
    }) as SimulatedDisk
    const again = new AbortController()
    const second = openInPlace(late, { signal: again.signal })
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
    again.abort()
    expect(await rejection(second)).toBe('ABORTED')
    release()
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(slow.openSessions).toBe(0)
    expect(slow.log).toEqual([])
  })
})

describe('reading only', () => {
  it('sees the committed state, writes nothing, and refuses writes', async () => {
    const disk = await written()
    const { db } = await openInPlace(disk, { readOnly: true })
    const collection = await db.collection('notes', OPTIONS)
    expect((await collection.get([1, 2, 3, 4])).map((row) => row?.id)).toEqual([1, 2, 3, 4])
    const writes = [
      collection.upsert([{ id: 5, vector: vectorOf(5) }]),
      collection.upsert({
        ids: Array.from({ length: 90_000 }, (_, i) => i),
        vectors: new Float32Array(360_000),
      }),
      collection.delete([1]),
      db.collection('new', OPTIONS),
      db.drop('notes'),
      db.flush(),
    ]
    expect(new Set(await Promise.all(writes.map(rejection)))).toEqual(new Set(['READ_ONLY']))
    expect((await db.stats()).readOnly).toBe(true)
    await db.idle()
    await db.close()
    expect(disk.log).toEqual([])
  })

  it('of nothing is NOT_FOUND', async () => {
    expect(await rejection(openInPlace(new SimulatedDisk(), { readOnly: true }))).toBe('NOT_FOUND')
  })

  it('starts again when a checkpoint deletes what it was about to read', async () => {
    const disk = await written()
    const { db: writer } = await openInPlace(disk)
    const collection = await writer.collection('notes')
    let checkpoints = 0
    const reading = withSession(disk, (session) => ({
      ...session,
      get: async (name, range) => {
        if (checkpoints < 3) {
          checkpoints += 1
          await collection.upsert([{ id: 10 + checkpoints, vector: vectorOf(checkpoints) }])
          await writer.flush()
        }
        return session.get(name, range)
      },
    }))
    const { db } = await openInPlace(reading, { readOnly: true })
    expect(await (await db.collection('notes')).count()).toBe(7)
    await db.close()
    await writer.close()
  })

  it('reports what is really corrupt', async () => {
    const disk = await written()
    const name = [...disk.objects.keys()].find((each) => each.startsWith('d'))!
    disk.objects.delete(name)
    expect(await rejection(openInPlace(disk, { readOnly: true }))).toBe('CORRUPTION')
  })
})
