import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { PlainAnswer } from '../wire/http-server.ts';

/**
 * Custom resources: a function that CloudFormation calls, and that answers by a PUT to the URL that it is given.
 * Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
 */
export interface CustomResources {
  /** Takes a function's answer where the path is that of one; undefined: it is not. */
  takeAnswer(method: string, path: string, body: string): PlainAnswer | undefined;
  /** Sends the function its `Create` event. Rejects with the reason that it gives, or when it gives none in time. */
  create(request: CustomResourceRequest): Promise<CustomResourceAnswer>;
}

export interface CustomResourceRequest {
  readonly logicalId: string;
  readonly type: string;
  readonly stackId: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly awsUrl: string;
  readonly timeoutSeconds: number;
  readonly invoke: (payload: string) => Promise<{ readonly payload: string; readonly functionError?: string }>;
}

export interface CustomResourceAnswer {
  readonly physicalResourceId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const answer = z.object({
  Status: z.enum(['SUCCESS', 'FAILED']),
  Reason: z.optional(z.string()),
  PhysicalResourceId: z.optional(z.string()),
  Data: z.optional(z.record(z.string(), z.unknown())),
});

const pathPrefix = '/custom-resource-answers/';

export function createCustomResources(): CustomResources {
  const waiting = new Map<string, (body: string) => void>();

  return {
    takeAnswer(method, path, body) {
      if (method !== 'PUT' || !path.startsWith(pathPrefix)) return undefined;
      const take = waiting.get(path.slice(pathPrefix.length));
      if (take === undefined) return { status: 403, body: 'This URL has been used, or was never given out.' };
      take(body);
      return { status: 200, body: '' };
    },

    async create({ logicalId, type, stackId, properties, awsUrl, timeoutSeconds, invoke }) {
      const token = randomUUID();
      let timer: NodeJS.Timeout | undefined;
      const answered = new Promise<string>((resolve, reject) => {
        waiting.set(token, resolve);
        const late = new Error(`the function did not answer within ${timeoutSeconds} s`);
        timer = setTimeout(() => reject(late), timeoutSeconds * 1000);
      });
      const event = {
        RequestType: 'Create',
        RequestId: randomUUID(),
        ResponseURL: `${awsUrl}${pathPrefix}${token}`,
        ResourceType: type,
        LogicalResourceId: logicalId,
        StackId: stackId,
        ResourceProperties: properties,
      };
      // A function that throws never answers: hear that at once, not when the time is up.
      const invoked = invoke(JSON.stringify(event)).then(({ payload, functionError }) => {
        if (functionError !== undefined) throw new Error(`the function failed: ${payload}`);
      });
      try {
        const text = await Promise.race([answered, invoked.then(() => answered)]);
        const { Status: status, Reason: reason, PhysicalResourceId, Data } = answer.parse(JSON.parse(text));
        if (status === 'FAILED') throw new Error(reason ?? 'the function answered FAILED and gave no Reason');
        return { physicalResourceId: PhysicalResourceId ?? logicalId, data: Data ?? {} };
      } finally {
        clearTimeout(timer);
        waiting.delete(token);
        answered.catch(() => {});
      }
    },
  };
}
