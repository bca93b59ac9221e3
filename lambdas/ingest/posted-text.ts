import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { maxPostBytes } from '../domain/events/drift-post.ts';

export type PostedText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * The body of a request as text, without a byte order mark. API Gateway hands over what it does not know as text in
 * base64.
 */
export function postedText({ body = '', isBase64Encoded }: APIGatewayProxyEventV2): PostedText {
  const bytes = isBase64Encoded ? Buffer.from(body, 'base64') : undefined;
  if ((bytes?.length ?? Buffer.byteLength(body)) > maxPostBytes) return { kind: 'too-large' };
  if (bytes === undefined) return { kind: 'text', text: body.startsWith('\ufeff') ? body.slice(1) : body };
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { kind: 'invalid', reason: 'is not UTF-8' };
  }
}
