import { behavesAs, electsAndFails } from './cluster-cases.ts'

// The others are for the night: vendor.servers.test.ts has them by day.
for (const generation of ['2.1', '3.3'] as const) behavesAs(generation)
electsAndFails()
