import * as Type from 'typebox'
import type { Secret } from '../../base/secret.ts'
import { anyValue, hostPath, text } from '../arguments.ts'
import { defineModule } from '../contract.ts'
import { attributeArguments } from './files/attributes.ts'
import { applyUri } from './requests/apply-uri.ts'
import { authoritiesOf, hasChanged, planUri, uriProbes } from './requests/plan-uri.ts'
import { targetOf } from './requests/save.ts'
import { guardResources } from './running/guards.ts'

const flag = (byDefault: boolean, description: string) =>
  Type.Optional(Type.Boolean({ default: byDefault, description }))
const optionalText = (description: string) => Type.Optional(Type.String({ description }))
const status = { type: 'integer', minimum: 100, maximum: 599 }

export const uri = defineModule({
  name: 'uri',
  summary: 'Send an HTTP request from the host, with no tool of it.',
  args: Type.Object(
    {
      url: text('Where to, as the host sees it: http:// or https://.', { minLength: 1 }),
      method: Type.Optional(
        Type.Enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'], {
          default: 'GET',
          description: 'GET, HEAD and OPTIONS change nothing; the others are a change.',
        }),
      ),
      body: Type.Optional(anyValue('What is sent, as body_format says; it may hold secrets.')),
      body_format: Type.Optional(
        Type.Enum(['raw', 'json', 'form-urlencoded'], {
          default: 'raw',
          description: 'How the body is written, and its content type. Text is sent as it is.',
        }),
      ),
      headers: Type.Optional(
        Type.Record(Type.String(), Type.Unsafe<string | Secret>({ type: 'string' }), {
          description:
            'Headers by name. Those with secrets are dropped on the way to another host.',
        }),
      ),
      status_code: Type.Optional(
        Type.Unsafe<number | readonly number[]>({
          anyOf: [status, { type: 'array', items: status, minItems: 1 }],
          description: 'The status, or statuses, that are fine (200); any other fails the step.',
        }),
      ),
      return_content: flag(false, 'Return the body, of which at most 1 MiB is kept.'),
      timeout: Type.Optional(
        Type.Number({
          exclusiveMinimum: 0,
          maximum: 86_400,
          description: 'Seconds to wait for a connection and for each piece of the response (30).',
        }),
      ),
      follow_redirects: Type.Optional(
        Type.Enum(['none', 'safe', 'all'], {
          default: 'safe',
          description: 'Which redirects are followed; safe: those of GET and HEAD.',
        }),
      ),
      url_username: Type.Optional(text('The user, for Basic authentication.')),
      url_password: Type.Optional(text('The password, for Basic authentication.')),
      force_basic_auth: flag(false, 'Send user and password before the server asks for them.'),
      validate_certs: flag(true, 'Check the certificate of the server.'),
      ca_path: Type.Optional(
        hostPath(
          'A file of the host with the certificates to trust, in PEM; without it those of Node.',
        ),
      ),
      dest: Type.Optional(
        hostPath('A file of the host that gets the body; a folder keeps the name in the URL.'),
      ),
      creates: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'A path or glob of the host; nothing is sent where it exists.',
        }),
      ),
      removes: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'A path or glob of the host; nothing is sent where it does not exist.',
        }),
      ),
      ...attributeArguments,
    },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      msg: Type.String({
        description: "The server's word for the status, or why nothing was sent.",
      }),
      url: Type.String({ description: 'Where the answer came from, after redirects.' }),
      redirected: Type.Boolean({ description: 'Whether that is another than was asked for.' }),
      status: Type.Optional(
        Type.Integer({ description: 'The status; -1 where nothing answered.' }),
      ),
      elapsed: Type.Optional(Type.Integer({ description: 'Seconds it took.' })),
      headers: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), {
          description:
            'Headers of the response, in lower case and with _ for -; set_cookie is a secret.',
        }),
      ),
      content_type: optionalText('What the body is, as the server says.'),
      content_length: Type.Optional(
        Type.Integer({ description: 'Bytes of the body, as it says.' }),
      ),
      location: optionalText('Where the server redirects to, if that was not followed.'),
      json: Type.Optional(anyValue('The value of the body, where it is JSON of at most 1 MiB.')),
      content: optionalText('The body, where return_content asks for it or the step failed.'),
      truncated: Type.Optional(Type.Boolean({ description: 'Whether content was cut at 1 MiB.' })),
      path: optionalText('The file that got the body.'),
      checksum: optionalText('The sha256 of that file, in hex.'),
    },
    { additionalProperties: false },
  ),
  resources: ({ dest, creates, removes }) => [
    ...(dest === undefined ? [] : [`file:${dest}`]),
    ...guardResources({
      ...(creates === undefined ? {} : { creates }),
      ...(removes === undefined ? {} : { removes }),
    }),
  ],
  inspect: args => uriProbes(args),
  plan: ({ args, facts }) => planUri(args, facts),
  apply: (host, { args, facts }, io) =>
    applyUri(
      host,
      { args, authorities: authoritiesOf(args, facts), target: targetOf(args, facts) },
      io,
    ),
  changed: ({ args, facts, result }) => hasChanged(args, facts, result),
})
