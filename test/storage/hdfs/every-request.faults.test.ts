import { everyRequest } from './every-request.ts'

// The others, and two in a row, are in the nightly file: they cost a minute.
everyRequest([
  ['a reset before it takes effect', 1],
  ['a reset after it took effect', 1],
  ['half an answer', 1],
  ['StandbyException', 1],
  ['an internal error after it took effect', 1],
])
