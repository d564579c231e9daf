import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NebulaService } from './contract.ts'

/** Asks a service's HTTP port; with a body, tells it. @throws Error with the service's words */
export async function ask<Answer>(
  { http, role, host }: NebulaService,
  path: string,
  body?: unknown,
  method = body === undefined ? 'GET' : 'POST',
): Promise<Answer> {
  const response = await fetch(`${http}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
    // A service that was stopped and started again closed the connection of before.
    headers: { connection: 'close' },
  })
  if (!response.ok) throw new Error(`${role} on ${host} ${path}: ${await response.text()}`)
  return (await response.json()) as Answer
}

/** Whether something listens on `ip:port`. */
export async function isListening(address: string): Promise<boolean> {
  const [host, port] = address.split(':')
  return await new Promise(resolve => {
    const socket = connect(Number(port), host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Waits until it is so. @throws Error after a minute, with what it waited for */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`for a minute it was not so: ${what}`)
    await sleep(25)
  }
}
