import { startOssServer } from './oss-server.ts'

/** The OSS server as a process: its key comes in the environment, and it ends with its standard input. */
const { OSS_SERVER_KEY_ID: id = '', OSS_SERVER_KEY_SECRET: secret = '' } = process.env
const [host = '127.0.0.1'] = process.argv.slice(2)
const server = await startOssServer({ keys: [{ id, secret }], host })
process.stdout.write(`${server.endpoint}\n`)
process.stdin.resume()
process.stdin.once('end', () => process.exit(0))
