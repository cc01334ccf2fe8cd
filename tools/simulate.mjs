#!/usr/bin/env node
// The crash simulation for as many lives as wanted, looking at many more states of each than `npm test` does.
//
//   npm run simulate                      100 lives, 2,000 states of each
//   npm run simulate -- 1000 500          lives, states of each
//
// Seeds are printed. OMENDB_SEED=N begins with that one.
import { runProgram } from './stages.mjs'

const [lives = 100, states = 2000] = process.argv.slice(2).map(Number)
if (![lives, states].every((count) => Number.isInteger(count) && count > 0)) {
  console.error(`simulate: expected two whole numbers above 0, found ${process.argv.slice(2).join(' ')}`)
  process.exit(2)
}
process.exitCode = await runProgram(['vitest', 'run', '--project', 'simulation'], {
  env: {
    ...process.env,
    OMENDB_SIMULATION_LIVES: String(lives),
    OMENDB_SIMULATION_STATES: String(states),
  },
})
