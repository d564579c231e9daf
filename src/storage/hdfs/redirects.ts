import { type LookupAddress, lookup as nodeLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { BkpError } from '../../base/errors.ts'
import { escapeControls } from '../../base/text.ts'
import { OddAnswer } from '../remote/answers.ts'
import type { HdfsPlace } from './place.ts'

/** Addresses where clouds tell machines their secrets; no datanode has one. */
const never = new BlockList()
never.addSubnet('169.254.0.0', 16, 'ipv4')
never.addAddress('100.100.100.200', 'ipv4')
never.addSubnet('fe80::', 10, 'ipv6')
never.addAddress('fd00:ec2::254', 'ipv6')

function isNever(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && never.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Where a namenode sends us for the data itself: to a host that is one of the namenodes' or listed,
 * never from https to http. The address holds who asks, or a token: it is a secret.
 * @throws storage.failed naming the host and the setting
 */
export function redirectTarget(place: HdfsPlace, asked: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, asked.href)) {
    throw new OddAnswer('the namenode sends us nowhere')
  }
  const url = new URL(location, asked)
  const host = url.hostname.toLowerCase()
  const shown = escapeControls(host.slice(0, 255), { newlines: false })
  if (url.protocol !== 'https:' && url.protocol !== asked.protocol) {
    throw refused(`sends data from https to ${url.protocol.slice(0, 10)}`, shown)
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw refused('sends us to something that is no HTTP', shown)
  }
  const bare = host.replace(/^\[|\]$/g, '')
  if (isNever(bare)) throw refused('sends us to an address that is no datanode’s', shown)
  if (!isListed(place, host)) {
    throw new BkpError('storage.failed', `the namenode sends us to ${shown}, which is not listed`, {
      hint: `if it is a datanode, write redirect_hosts: ['${shown}'] (&redirect_host=${shown} in a URL); * stands for any characters`,
      details: { host: shown },
    })
  }
  if (!url.pathname.startsWith('/webhdfs/v1/') || url.username !== '' || url.password !== '') {
    throw refused('sends us to an address that is not of WebHDFS', shown)
  }
  return url
}

function isListed({ namenodes, redirectHosts }: HdfsPlace, host: string): boolean {
  if (namenodes.some(namenode => new URL(namenode).hostname === host)) return true
  return redirectHosts.some(pattern => matches(host, pattern))
}

/** A pattern with `*`s, from the left: each piece where it is found first, the last one at the end. */
function matches(host: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return host === first
  if (!host.startsWith(first)) return false
  let at = first.length
  for (const piece of rest) {
    const found = host.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return host.length >= at + last.length && host.endsWith(last)
}

function refused(what: string, host: string): BkpError {
  return new BkpError('storage.failed', `the namenode ${what} (${host})`, {
    hint: 'nothing was sent there; check the namenodes, and who answers in their place',
    details: { host },
  })
}

/** Looks names up for connections, and refuses the addresses that no datanode has. */
export const guardedLookup: LookupFunction = (hostname, options, done) => {
  nodeLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? []
    const bad = addresses?.find(({ address }) => isNever(address))
    if (error !== null) done(error, '')
    else if (bad !== undefined) {
      done(refused('sends us to an address that is no datanode’s', bad.address), '')
    } else if (options.all === true) done(null, addresses)
    else done(null, first?.address ?? '', first?.family)
  })
}
