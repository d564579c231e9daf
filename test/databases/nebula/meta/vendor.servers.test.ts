import { answersAsVendor } from './vendor-cases.ts'

// The others are for the night: cluster.servers.test.ts has them by day.
for (const generation of ['2.0', '3.0'] as const) answersAsVendor(generation)
