#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8'
import { exitCodes } from '../base/errors.ts'
import { main } from './program.ts'
import { processTerminal } from './terminal.ts'

// By default the heap of a backup of many files grows to four times what is alive before it is swept.
setFlagsFromString('--heap-growing-percent=50')

const status = await main(process.argv.slice(2), processTerminal())
// A connection that is still being made would keep the process until its timeout.
if (status === exitCodes.interrupted) process.exit(status)
process.exitCode = status
