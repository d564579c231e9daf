import * as Type from 'typebox'
import { serviceNamePattern, service as serviceProbe } from '../../connection/probes.ts'
import { defineModule } from '../contract.ts'
import { applyService } from './services/apply-service.ts'
import { planService, type ServiceArguments } from './services/plan-service.ts'

function probe({ name, use }: ServiceArguments) {
  return serviceProbe(name, use === undefined || use === 'auto' ? {} : { use })
}

export const service = defineModule({
  name: 'service',
  summary: 'Start, stop, restart or reload a service, and say whether it starts at boot.',
  args: Type.Object(
    {
      name: Type.String({
        pattern: serviceNamePattern,
        description: 'The service: a unit of systemd, or a script of /etc/init.d.',
      }),
      state: Type.Optional(
        Type.Enum(['started', 'stopped', 'restarted', 'reloaded'], {
          description:
            'What it shall be. restarted and reloaded always act; reloaded starts what does not run.',
        }),
      ),
      enabled: Type.Optional(Type.Boolean({ description: 'Whether it starts at boot.' })),
      sleep: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 3600,
          description: 'Seconds between stop and start of a restart; not used with systemd.',
        }),
      ),
      use: Type.Optional(
        Type.Enum(['auto', 'systemd', 'openrc', 'sysvinit'], {
          default: 'auto',
          description: 'What manages services there; auto takes the first of these that runs.',
        }),
      ),
    },
    {
      additionalProperties: false,
      anyOf: [{ required: ['state'] }, { required: ['enabled'] }],
    },
  ),
  returns: Type.Object(
    {
      name: Type.String({ description: 'The service.' }),
      state: Type.Optional(
        Type.Enum(['started', 'stopped'], { description: 'Whether it runs now.' }),
      ),
      enabled: Type.Optional(Type.Boolean({ description: 'Whether it starts at boot.' })),
      status: Type.Record(Type.String(), Type.String(), {
        description: 'What its manager says of it, such as ActiveState and SubState of systemd.',
      }),
    },
    { additionalProperties: false },
  ),
  resources: ({ name }) => [`service:${name.replace(/\.service$/, '')}`],
  inspect: args => ({ service: probe(args) }),
  plan: ({ args, facts }) => planService(args, facts),
  apply: (host, { args, changes }, io) =>
    applyService(host, { args, changes, probe: probe(args) }, io),
})
