import { behavesAs, staysBlocked } from './cluster-cases.ts'

for (const generation of ['2.0', '3.0'] as const) behavesAs(generation)
staysBlocked()
