import { everyRequest } from '../every-request.ts'
import { startFakeS3 } from './fake-s3.ts'
import { ownTroubles } from './own-troubles.ts'

everyRequest('S3', startFakeS3, { own: ownTroubles, inRow: 1 })
