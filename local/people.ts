import type { Person } from './stand-in.ts'

/** Who can write in the demo. Zoë and Ben are customers of the shop, Kim is nobody's. */
export const demoPeople = {
  zoe: { name: 'Zoë Müller', address: 'zoe@example.com' },
  ben: { name: 'Ben Carter', address: 'ben@example.org' },
  kim: { name: 'Kim Stranger', address: 'kim@example.net' },
} satisfies Record<string, Person>
