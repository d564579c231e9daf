import { everyRequest } from '../every-request.ts'
import { startOss } from './fixture.ts'

everyRequest('OSS', startOss, { inRow: 2 })
