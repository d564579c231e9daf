import { restoreCases } from './restore-cases.ts'

restoreCases({ generation: '3.3', metads: 2 })
