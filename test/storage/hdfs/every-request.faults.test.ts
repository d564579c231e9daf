import { everyRequest } from './every-request.ts'

// The others, and two in a row, are in the nightly file: they take a minute.
everyRequest([
  ['a reset after it took effect', 1],
  ['half an answer', 1],
  ['StandbyException', 1],
])
