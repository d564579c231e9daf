import { moveCases, moveFaultCases } from './move-script-cases.ts'

moveCases()
// A kill after a command is one before the next, but for what the shell itself does between: at night.
moveFaultCases(['kill-before', 'fail'])
