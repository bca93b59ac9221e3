import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { CustomResourceResponder } from '../provision/ports.ts';

/**
 * CloudFormation's own buckets, one for each region (`cloudformation-custom-resource-response-useast1.s3.amazonaws.com`, and
 * with the region in S3's name). Whoever else's address stands in a request gets no answer.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/vpc-interface-endpoints.html
 */
const cloudFormationHost =
  /^cloudformation-custom-resource-response-[a-z0-9-]+\.s3(?:[.-][a-z0-9-]+){0,2}\.amazonaws\.(?:com|com\.cn|eu)$/;
const loopbackHosts = ['127.0.0.1', 'localhost', '[::1]'];

const timeoutMs = 10_000;
const retryDelaysMs = [500, 2_000, 8_000];

export function isAnswerAddress({ protocol, hostname, host }: URL, outboundPolicy: 'public' | 'local'): boolean {
  if (protocol === 'https:') return host === hostname && cloudFormationHost.test(hostname);
  return outboundPolicy === 'local' && protocol === 'http:' && loopbackHosts.includes(hostname);
}

/** Answers a CloudFormation custom resource: a PUT to the request's presigned url. `local`: the local run gives them out. */
export function httpsCloudFormationResponder(
  sleep: (ms: number) => Promise<void>,
  outboundPolicy: 'public' | 'local',
): CustomResourceResponder {
  return {
    async respond(responseUrl, response) {
      if (!isAnswerAddress(new URL(responseUrl), outboundPolicy)) {
        throw new Error(`${new URL(responseUrl).host} is not CloudFormation's: it gets no answer`);
      }
      const body = JSON.stringify(response);
      for (let attempt = 0; ; attempt++) {
        try {
          await put(new URL(responseUrl), body);
          return;
        } catch (error) {
          const delayMs = retryDelaysMs[attempt];
          if (delayMs === undefined) throw error;
          await sleep(delayMs);
        }
      }
    },
  };
}

function put(url: URL, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'http:' ? requestHttp : requestHttps;
    const request = send(
      url,
      // An empty content type: the url is signed for one.
      {
        method: 'PUT',
        headers: { 'content-type': '', 'content-length': Buffer.byteLength(body) },
        timeout: timeoutMs,
      },
      (answer) => {
        answer.resume();
        const status = answer.statusCode ?? 0;
        if (status >= 200 && status < 300) answer.once('end', () => resolve());
        else reject(new Error(`CloudFormation's answer address said ${status}`));
      },
    );
    request.once('timeout', () => request.destroy(new Error("CloudFormation's answer address did not answer")));
    request.once('error', reject);
    request.end(body);
  });
}
