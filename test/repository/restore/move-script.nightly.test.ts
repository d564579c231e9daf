import { moveFaultCases } from './move-script-cases.ts'

moveFaultCases(['kill-after'])
