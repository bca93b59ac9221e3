import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import { awsFailure } from '../aws-errors.ts';

export interface RequestToSign {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** Gives back all headers to send, with the signature among them. */
export type RequestSigner = (request: RequestToSign) => Promise<Record<string, string>>;

/**
 * Signs for an HTTP API with IAM authorisation (Signature Version 4, service `execute-api`) or another service, with the
 * credentials that the AWS command line would take unless others are given. Load this file only when a request is to be signed: it brings
 * the SDK's providers.
 */
export function createRequestSigner({
  region,
  profile,
  service = 'execute-api',
  credentials,
}: {
  readonly region: string;
  readonly profile?: string;
  readonly service?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}): RequestSigner {
  const signature = new SignatureV4({
    service,
    region,
    credentials: credentials ?? defaultProvider(profile === undefined ? {} : { profile }),
    sha256: Sha256,
  });
  return async ({ method, url, headers, body }) => {
    try {
      const signed = await signature.sign({
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { ...headers, host: url.host },
        body,
      });
      // fetch sets `host` itself, from the same URL.
      const { host: _, ...sent } = signed.headers;
      return sent;
    } catch (error) {
      throw awsFailure(error, 'the request could not be signed');
    }
  };
}
