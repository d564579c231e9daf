#!/usr/bin/env node
import { exitCodes } from '../base/errors.ts'
import { sweepLargeHeapSooner } from './heap.ts'
import { main } from './program.ts'
import { processTerminal } from './terminal.ts'

sweepLargeHeapSooner()

const status = await main(process.argv.slice(2), processTerminal())
// A connection that is still being made would keep the process until its timeout.
if (status === exitCodes.interrupted) process.exit(status)
process.exitCode = status
