import { expect } from 'vitest'
import { ofWriter, type Rows, type Said, statesOf, WRITERS } from './kill-script.js'

/** Of each writer: all that was acknowledged is there, and of the write under way nothing or all. */
export function expectSurvivors(found: Rows, before: Rows, said: readonly Said[], about: string): void {
  expect(
    said.filter(({ is }) => is === 'failed'),
    `${about}: it failed before it was killed`,
  ).toEqual([])
  for (let writer = 0; writer < WRITERS; writer += 1) {
    const held = ofWriter(found, writer)
    const { least, most } = statesOf(before, said, writer)
    // Compared with the nearer one, so that a failure shows what is wrong.
    const isMost = JSON.stringify(held) === JSON.stringify(most)
    expect(held, `${about}: rows of writer ${writer}`).toEqual(isMost ? most : least)
  }
}
