import { describe, expect, it } from 'vitest'
import { anomaliesOf, type ListOperation, type ListTransaction } from './list-append.js'

/** "r x 1 2" reads [1, 2] from x, "a x 3" appends 3. */
function operation(text: string): ListOperation {
  const [kind, key = '', ...values] = text.split(' ')
  return kind === 'r'
    ? { kind: 'read', key, list: values.map(Number) }
    : { kind: 'append', key, value: Number(values[0]) }
}

const done = (...texts: string[]): ListTransaction => ({ committed: true, operations: texts.map(operation) })
const aborted = (...texts: string[]): ListTransaction => ({ ...done(...texts), committed: false })

const names = (...history: ListTransaction[]): string[] =>
  [...new Set(anomaliesOf(history).map((each) => each.split(':')[0]!))].sort()

describe('the checker of histories', () => {
  it('passes what is serial', () => {
    expect(
      names(done('a x 1'), done('r x 1', 'a x 2'), aborted('r x 1 2', 'a x 3'), done('r x 1 2')),
    ).toEqual([])
  })

  it('passes own writes, and write skew, which snapshot isolation allows', () => {
    expect(names(done('r x', 'a x 1', 'r x 1'), done('r x 1'))).toEqual([])
    expect(names(done('r x', 'a y 1'), done('r y', 'a x 2'), done('r x 2', 'r y 1'))).toEqual([])
  })

  it('sees G0: two transactions that wrote in two orders', () => {
    expect(
      names(done('a x 1', 'a y 1001'), done('a x 2', 'a y 1002'), done('r x 1 2', 'r y 1002 1001')),
    ).toContain('G0')
  })

  it('sees G1a: a read of what was given up', () => {
    expect(names(aborted('a x 1'), done('r x 1'))).toContain('G1a')
    expect(names(done('r x 7'))).toContain('G1a')
  })

  it('sees G1b: a read between two writes of one transaction', () => {
    expect(names(done('a x 1', 'a x 2'), done('r x 1'), done('r x 1 2'))).toContain('G1b')
  })

  it('sees G1c: two transactions that read each other', () => {
    expect(names(done('a x 1', 'r y 2'), done('a y 2', 'r x 1'))).toEqual(['G1c'])
  })

  it('sees G-single: a read that is half before and half after another commit', () => {
    expect(names(done('a x 1', 'a y 2'), done('r x 1', 'r y'), done('r x 1', 'r y 2'))).toEqual(['G-single'])
  })

  it('sees lost updates', () => {
    expect(names(done('r x', 'a x 1'), done('r x', 'a x 2'), done('r x 2'))).toContain('lost')
    expect(names(done('r x', 'a x 1'), done('r x', 'a x 2'), done('r x 1 2'))).toContain('G-single')
  })

  it('sees reads that no one order of versions explains, and reads that forget', () => {
    expect(names(done('a x 1'), done('a x 2'), done('r x 1 2'), done('r x 2'))).toContain('order')
    expect(names(done('r x', 'a x 1', 'r x'), done('r x 1'))).toContain('internal')
  })
})
