/** Database names that a store could fold into one another, or refuse. All of them are legal. */
export const HOSTILE_NAMES: readonly string[] = [
  'a',
  'A',
  'a ',
  ' a',
  'a.',
  'a.0020',
  'a/b',
  'a\\b',
  'a%2Fb',
  'a.002fb',
  '..',
  '.',
  '../a',
  'head',
  'con',
  'null',
  '__proto__',
  'ä',
  'a\u0308',
  '日本語',
  '🦉🦉',
  '\u0000',
  'a\u0000b',
  'a\nb',
  '\ud800',
  '\udfff',
  '\ufffd',
  '\u202egnp',
  "'; drop table x; --",
  'x'.repeat(255),
  '日'.repeat(255),
]

/** As above, without those that no file name can hold. */
export const HOSTILE_FOLDER_NAMES: readonly string[] = HOSTILE_NAMES.filter(
  (name) => !/[\0\p{Surrogate}]/u.test(name) && !['..', '.', '../a'].includes(name) && name.length < 80,
).concat('a/b/c', 'x'.repeat(200), '-rf')
