import { answersAsVendor } from './vendor-cases.ts'

for (const generation of ['2.1', '3.3'] as const) answersAsVendor(generation)
