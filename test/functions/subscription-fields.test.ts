import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fieldSamples } from '../../lab/support/subscription-samples.ts';
import {
  changeSchema,
  createSchema,
  fieldNames,
  optionalFieldNames,
} from '../../lambdas/domain/subscriptions/subscription-fields.ts';
import { openApiDocument } from '../../lambdas/manage/openapi.ts';
import { World } from './manage-world.ts';

describe.each(fieldNames)('the field %s', (name) => {
  const world = new World();

  it('can be given to a new subscription, and is shown', async () => {
    const id = await world.create({ [name]: fieldSamples[name] } as never);
    expect((await world.ask('GET', `/v1/subscriptions/${id}`)).body[name]).toEqual(fieldSamples[name]);
  });

  it('can be changed, and is shown', async () => {
    const id = await world.create();
    const { status, body } = await world.ask('PATCH', `/v1/subscriptions/${id}`, { [name]: fieldSamples[name] });
    expect(status).toBe(200);
    expect(body[name]).toEqual(fieldSamples[name]);
  });

  it('can be removed where a subscription can be without it, and not elsewhere', async () => {
    const id = await world.create({ [name]: fieldSamples[name] } as never);
    const { status } = await world.ask('PATCH', `/v1/subscriptions/${id}`, { [name]: null });
    const isOptional = (optionalFieldNames as readonly string[]).includes(name);
    expect(status).toBe(isOptional ? 200 : 400);
    const { body } = await world.ask('GET', `/v1/subscriptions/${id}`);
    if (isOptional) expect(body).not.toHaveProperty(name);
    else expect(body[name]).toEqual(fieldSamples[name]);
  });

  it('is in the OpenAPI document, in what is taken and in what is shown', () => {
    const { schemas } = openApiDocument({ isSigned: true }).components as { schemas: Record<string, unknown> };
    for (const schema of ['NewSubscription', 'SubscriptionChange', 'Subscription']) {
      expect(schemas[schema]).toHaveProperty(['properties', name]);
    }
    expect(createSchema.shape).toHaveProperty(name);
    expect(changeSchema.shape).toHaveProperty(name);
  });

  it('has a row in docs/subscriptions.md', () => {
    const docs = readFileSync(new URL('../../docs/subscriptions.md', import.meta.url), 'utf8');
    expect(docs).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  });
});
