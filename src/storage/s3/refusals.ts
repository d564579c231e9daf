import { type Meaning, meaningsByName, noSpace } from '../remote/meaning.ts'

export const keysHint =
  'check the credentials: those of the inventory, else AWS_ACCESS_KEY_ID, AWS_PROFILE and so on'

export const proxyHint = 'check that the endpoint is an S3 server and no proxy answers in its place'

/** S3 codes that users can do something about. */
const meanings: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: {
    what: 'there is no such bucket',
    hint: 'create it, or correct its name; bkp creates no buckets',
  },
  AccessDenied: {
    what: 'access denied',
    hint: 'the key needs s3:ListBucket on the bucket, s3:GetObject and s3:PutObject below the prefix, and s3:DeleteObject for vacuums',
  },
  AllAccessDisabled: { what: 'the bucket is disabled', hint: 'ask its owner' },
  InvalidAccessKeyId: { what: 'the server does not know the access key', hint: keysHint },
  SignatureDoesNotMatch: { what: 'the secret access key is wrong', hint: keysHint },
  ExpiredToken: {
    what: 'the temporary credentials have expired',
    hint: 'get new ones, then bkp resume the run',
  },
  InvalidToken: { what: 'the session token is not valid', hint: keysHint },
  RequestTimeTooSkewed: {
    what: 'the clocks of this machine and of the server differ by more than it accepts',
    hint: 'set the clock of this machine (chronyc tracking, timedatectl)',
  },
  RequestExpired: {
    what: 'the server takes the request for an old one',
    hint: 'set the clock of this machine (chronyc tracking, timedatectl)',
  },
  NotImplemented: {
    what: 'the server does not know this operation',
    hint: 'bkp needs ranges, multipart uploads and bulk deletes of an S3 server',
  },
  QuotaExceeded: {
    code: 'storage.no_space',
    what: 'the quota is used up',
    hint: 'raise the quota, or vacuum the repository',
  },
  XMinioStorageFull: noSpace,
  InsufficientStorage: noSpace,
  BadDigest: {
    what: 'the bytes arrived changed',
    hint: 'something between here and the server alters data; nothing was stored',
  },
  CredentialsProviderError: {
    what: 'no credentials were found',
    hint: 'give the storage `credentials` in the inventory, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
  },
}

const synonyms: Readonly<Record<string, string>> = {
  // versitygw's name for it.
  XAdminUserNotFound: 'InvalidAccessKeyId',
  Forbidden: 'AccessDenied',
  TokenRefreshRequired: 'ExpiredToken',
  ExpiredTokenException: 'ExpiredToken',
  XAmzContentChecksumMismatch: 'BadDigest',
  XAmzContentSHA256Mismatch: 'BadDigest',
  InvalidDigest: 'BadDigest',
}

/** What a refusal of that name means, where it is known. */
export const meaningOf: (name: string) => Meaning | undefined = meaningsByName(meanings, synonyms)
