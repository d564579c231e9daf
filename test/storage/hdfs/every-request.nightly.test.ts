import { everyRequest, troubles } from './every-request.ts'

everyRequest(Object.keys(troubles).map(what => [what, 1] as const))
everyRequest(Object.keys(troubles).map(what => [what, 2] as const))
