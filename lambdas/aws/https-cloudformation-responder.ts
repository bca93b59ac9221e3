import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { CustomResourceResponder } from '../provision/ports.ts';

const timeoutMs = 10_000;
const retryDelaysMs = [500, 2_000, 8_000];

/** Answers a CloudFormation custom resource: a PUT to the request's presigned url. */
export function httpsCloudFormationResponder(sleep: (ms: number) => Promise<void>): CustomResourceResponder {
  return {
    async respond(responseUrl, response) {
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
