import { createHash, createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { Blocks, Place } from './jobs.ts'

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** Objects of a bucket by plain HTTP, signed with AWS Signature Version 4; path style. */
export function s3Blocks(place: Extract<Place, { kind: 's3' }>): Blocks {
  const { host, port, bucket, accessKey, secretKey, region } = place
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const send = (method: 'PUT' | 'GET', name: string, body: Uint8Array): Promise<Buffer> => {
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
    const day = time.slice(0, 8)
    const path = `/${bucket}/${name}`
    const sum = createHash('sha256').update(body).digest('hex')
    const signed = { host: `${host}:${port}`, 'x-amz-content-sha256': sum, 'x-amz-date': time }
    const names = Object.keys(signed).join(';')
    const lines = Object.entries(signed).map(([key, value]) => `${key}:${value}\n`)
    const canonical = [method, path, '', lines.join(''), names, sum].join('\n')
    const scope = `${day}/${region}/s3/aws4_request`
    const digest = createHash('sha256').update(canonical).digest('hex')
    const parts = [`AWS4${secretKey}`, day, region, 's3', 'aws4_request']
    const key = parts.reduce<string | Buffer>(
      (made, part, at) => (at === 0 ? part : hmac(made, part)),
      '',
    )
    const signature = hmac(key as Buffer, ['AWS4-HMAC-SHA256', time, scope, digest].join('\n'))
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature.toString('hex')}`
    const headers = { ...signed, authorization, 'content-length': body.length }
    return new Promise((resolve, reject) => {
      const sent = request({ host, port, method, path, headers, agent }, response => {
        const pieces: Buffer[] = []
        response.on('data', piece => pieces.push(piece))
        response.on('error', reject)
        response.on('end', () => {
          const answer = Buffer.concat(pieces)
          if (response.statusCode === 200) resolve(answer)
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer.toString()}`))
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }
  return {
    put: async (name, bytes) => {
      await send('PUT', name, bytes)
    },
    get: name => send('GET', name, new Uint8Array()),
  }
}
