import { expect, test } from 'vitest'
import { crc32c } from '../../storage/crc32c.js'
import { pattern } from './contract-environment.js'

test('the checksum is the one of RFC 3720', () => {
  const text = new TextEncoder().encode('123456789')
  expect(crc32c(text)).toBe(0xe3069283)
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  expect(crc32c(new Uint8Array(0))).toBe(0)
})

test('it is the same wherever the bytes stand, and in parts', () => {
  const bytes = pattern(100, 3)
  const whole = crc32c(bytes)
  for (let shift = 0; shift < 9; shift++) {
    const moved = new Uint8Array(120)
    moved.set(bytes, shift)
    expect(crc32c(moved.subarray(shift, shift + 100))).toBe(whole)
    expect(crc32c(bytes.subarray(shift), crc32c(bytes.subarray(0, shift)))).toBe(whole)
  }
})
