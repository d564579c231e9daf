import { type Meaning, meaningsByName } from '../remote/meaning.ts'

export const keysHint =
  'check the credentials: those of the inventory, else OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET'

export const proxyHint =
  'check that the endpoint is an OSS server and no proxy answers in its place'

const clock = 'set the clock of this machine (chronyc tracking, timedatectl)'
const expired: Meaning = {
  what: 'the temporary credentials have expired',
  hint: 'get new ones from STS, then bkp resume the run',
}

/** Codes of OSS that users can do something about. */
const meanings: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: {
    what: 'there is no such bucket',
    hint: 'create it, or correct its name; bkp creates no buckets',
  },
  AccessDenied: {
    what: 'access denied',
    hint: 'the key needs oss:ListObjects on the bucket, oss:GetObject, oss:PutObject and oss:AbortMultipartUpload below the prefix, and oss:DeleteObject for vacuums',
  },
  UserDisable: { what: 'the account is disabled', hint: 'look for unpaid bills in the console' },
  InvalidAccessKeyId: { what: 'the server does not know the access key', hint: keysHint },
  SignatureDoesNotMatch: {
    what: 'the signature is wrong (the access key secret, or the region)',
    hint: `${keysHint}; the region is that of the bucket`,
  },
  SecurityTokenExpired: expired,
  InvalidSecurityToken: { what: 'the security token is not valid', hint: keysHint },
  RequestTimeTooSkewed: {
    what: 'the clocks of this machine and of the server differ by more than it accepts',
    hint: clock,
  },
  SecondLevelDomainForbidden: {
    what: 'the server wants the bucket in front of its name',
    hint: 'leave path_style out',
  },
  InvalidBucketName: { what: 'the name of the bucket is not valid', hint: 'correct it' },
  InvalidObjectState: {
    what: 'the object is archived',
    hint: 'restore it first (ossutil restore), and keep repositories out of archive storage classes',
  },
  FileImmutable: {
    what: 'a retention policy protects the object',
    hint: 'wait until it ends, or keep repositories out of buckets with one',
  },
  InvalidDigest: {
    what: 'the bytes arrived changed',
    hint: 'something between here and the server alters data; nothing was stored',
  },
  NotImplemented: {
    what: 'the server does not know this operation',
    hint: 'bkp needs ranges, multipart uploads and bulk deletes of an OSS server',
  },
  KmsServiceNotEnabled: {
    what: 'the bucket encrypts with a KMS that is not enabled',
    hint: 'enable it, or change the encryption of the bucket',
  },
  QuotaExceeded: {
    code: 'storage.no_space',
    what: 'the quota is used up',
    hint: 'raise the quota, or vacuum the repository',
  },
}

const synonyms: Readonly<Record<string, string>> = {
  ExpiredToken: 'SecurityTokenExpired',
  Forbidden: 'AccessDenied',
  BadDigest: 'InvalidDigest',
  BucketQuotaExceeded: 'QuotaExceeded',
}

/** What a refusal of that name means, where it is known. */
export const meaningOf: (name: string) => Meaning | undefined = meaningsByName(meanings, synonyms)
