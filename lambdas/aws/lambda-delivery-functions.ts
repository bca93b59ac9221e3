import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { routeNames } from '../domain/routes/desired-route.ts';
import type { DeliveryFunctions } from '../manage/ports.ts';

/** Lambda takes 1 MB for an invocation that nobody waits for; an event has 256 KB at most, and as a text in JSON twice that. */
export function lambdaDeliveryFunctions(client: LambdaClient, routePrefix: string): DeliveryFunctions {
  return {
    async resend(subscriptionId, message) {
      await client.send(
        new InvokeCommand({
          FunctionName: routeNames(routePrefix, subscriptionId).deliverFunction,
          InvocationType: 'Event',
          Payload: Buffer.from(JSON.stringify({ resend: message })),
        }),
      );
    },
  };
}
