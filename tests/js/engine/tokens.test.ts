import { describe, expect, it } from 'vitest'
import { EngineHost } from '../../../js/engine/engine-host.js'
import type { RequestInput } from '../../../js/engine/protocol.js'
import { encodeIdList, encodeRowBatch, type RowId } from '../../../js/wasm/row-batch.js'
import { loadCore } from '../wasm/open-core.js'
import { rejection } from './open-in-place.js'
import { SimulatedDisk } from './simulated-disk.js'

async function openHost(disk: SimulatedDisk): Promise<EngineHost> {
  return EngineHost.open({
    database: 'simulated',
    adapter: disk,
    readOnly: false,
    settings: { durability: 'strict', retentionMs: 0, recreate: false, memoryBudgetBytes: 0 },
    core: await loadCore(),
    engine: 'in-place',
    ephemeral: false,
    clockStandsStill: false,
  })
}

const SCHEMA = { dimensions: 1, metric: 'l2' } as const
const batchOf = (ids: readonly RowId[]) =>
  encodeRowBatch({ dimensions: 1, ids, vectors: new Float32Array(ids.length) }, 0, Number.MAX_SAFE_INTEGER)
    .batch

let nextRequest = 1n
const newToken = () => ({ client: 2n ** 64n - 1n, request: nextRequest++ })

describe('a token', () => {
  it('tells whether a write was committed, and what it changed, also after opening again', async () => {
    const disk = new SimulatedDisk()
    const host = await openHost(disk)
    const { collection } = await host.request('openCollection', { name: 'notes', schema: SCHEMA, view: 0 })
    const [upsert, remove, drop, refused, never] = [1, 2, 3, 4, 5].map(newToken) as [
      ReturnType<typeof newToken>,
      ...ReturnType<typeof newToken>[],
    ]
    const find = (token: unknown, from = host) =>
      from.request('findToken', { token } as RequestInput<'findToken'>)
    // In one frame, each with its own.
    const rows = await Promise.all([
      host.request('upsert', { collection, batch: batchOf([1, 2, 3]) }, { token: upsert }),
      host.request('deleteRows', { collection, ids: encodeIdList([2, 9]) }, { token: remove }),
    ])
    expect(rows).toEqual([3, 1])
    expect([await find(upsert), await find(remove)]).toEqual([3, 1])
    const duplicate = host.request('upsert', { collection, batch: batchOf([7, 7]) }, { token: refused })
    expect(await rejection(duplicate)).toBe('DUPLICATE_ID')
    expect([await find(refused), await find(never)]).toEqual([null, null])
    await host.request('dropCollection', { name: 'notes' }, { token: drop })

    const afterCrash = await openHost(disk.restarted())
    expect([await find(upsert, afterCrash), await find(remove, afterCrash)]).toEqual([3, 1])
    expect([await find(refused, afterCrash), await find(drop, afterCrash)]).toEqual([null, 0])
    await afterCrash.request('close', null)
    await host.request('close', null)
    const afterClose = await openHost(disk.restarted())
    expect([await find(upsert, afterClose), await find(never, afterClose)]).toEqual([3, null])
    await afterClose.request('close', null)
  })

  it('stands for a transaction, and for the last part of an upload', async () => {
    const host = await openHost(new SimulatedDisk())
    const { collection } = await host.request('openCollection', { name: 'notes', schema: SCHEMA, view: 0 })
    const { view } = await host.request('beginTransaction', null)
    await host.request('transactionUpsert', { view, collection, batch: batchOf(['a', 'b']) })
    const token = newToken()
    await host.request('commitTransaction', { view }, { token })
    expect(await host.request('findToken', { token })).not.toBe(null)
    expect(await rejection(host.request('count', { collection, view }))).toBe('CLOSED')

    const parts = newToken()
    await host.request('stagePart', { collection, upload: 1, batch: batchOf(['c']) })
    await host.request('stagePart', { collection, upload: 1, batch: batchOf(['d', 'e']) })
    await host.request('commitUpload', { upload: 1 }, { token: parts })
    expect(await host.request('findToken', { token: parts })).toBe(2)
    expect(await host.request('count', { collection, view: 0 })).toBe(5)
    await host.request('close', null)
  })

  it('of a transaction that conflicted is not found', async () => {
    const host = await openHost(new SimulatedDisk())
    const { collection } = await host.request('openCollection', { name: 'notes', schema: SCHEMA, view: 0 })
    const { view } = await host.request('beginTransaction', null)
    await host.request('transactionUpsert', { view, collection, batch: batchOf(['a']) })
    const other = host.request('upsert', { collection, batch: batchOf(['a']) })
    const token = newToken()
    // Waiting beside the write that it conflicts with: the check has to see that one applied.
    expect(await rejection(host.request('commitTransaction', { view }, { token }))).toBe('CONFLICT')
    expect(await other).toBe(1)
    expect(await host.request('findToken', { token })).toBe(null)
    await host.request('close', null)
  })
})
