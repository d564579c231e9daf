import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import type { Clock } from '../../base/clock.ts'
import { connections } from '../remote/send.ts'
import type { TimeWatch } from '../remote/watch.ts'
import { boundAnswers } from './answers.ts'
import { signKnownHashes } from './known-hashes.ts'
import type { S3Place } from './place.ts'

/** The SDK, loaded: its client for one place, and its commands. */
export interface Sdk {
  readonly client: S3Client
  readonly commands: typeof import('@aws-sdk/client-s3')
  readonly bucket: string
  /** The server's clock as of its latest answer, and when that came. */
  readonly watch: TimeWatch
}

const connectMs = 10_000

/** The SDK for a place. Loading it, HTTP and TLS takes long: only a run that uses S3 pays for it. */
export async function loadSdk(place: S3Place, clock: Clock, silenceMs: number): Promise<Sdk> {
  const [commands, http, https] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('node:http'),
    import('node:https'),
  ])
  const agentOptions = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections }
  const client = quietly(
    () =>
      new commands.S3Client({
        ...configOf(place),
        // Only our own retrier tries again.
        maxAttempts: 1,
        followRegionRedirects: false,
        // Blocks are named by their sums and checked by them; other sums would only cost time.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        // One more round trip for every block, and servers exist that never say "continue".
        expectContinueHeader: false,
        logger: silentLogger,
        requestHandler: {
          logger: silentLogger,
          httpAgent: new http.Agent(agentOptions),
          httpsAgent: new https.Agent(agentOptions),
          connectionTimeout: connectMs,
          socketTimeout: silenceMs,
        },
      }),
  )
  const watch = boundAnswers(client, clock)
  signKnownHashes(client)
  return Object.freeze({ client, commands, bucket: place.bucket, watch })
}

function configOf({ region, endpoint, pathStyle, profile, credentials }: S3Place): S3ClientConfig {
  // Servers of one's own rarely have regions, yet signatures name one.
  const named = region ?? (endpoint === undefined ? undefined : 'us-east-1')
  return {
    forcePathStyle: pathStyle,
    ...(named === undefined ? {} : { region: named }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined
      ? {}
      : {
          credentials: {
            accessKeyId: credentials.accessKeyId.reveal(),
            secretAccessKey: credentials.secretAccessKey.reveal(),
            ...(credentials.sessionToken === undefined
              ? {}
              : { sessionToken: credentials.sessionToken.reveal() }),
          },
        }),
  }
}

/** What the SDK has to say on its own (which of two credentials it took) is in no language of ours. */
const silentLogger = Object.freeze({
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
})

const warningSwitch = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'

/** The SDK warns whoever runs it of Node's age; that is for us to know, not for users of bkp. */
function quietly<T>(make: () => T): T {
  const before = process.env[warningSwitch]
  process.env[warningSwitch] = 'true'
  try {
    return make()
  } finally {
    if (before === undefined) delete process.env[warningSwitch]
    else process.env[warningSwitch] = before
  }
}
