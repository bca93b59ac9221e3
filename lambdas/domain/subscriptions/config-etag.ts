import { createHash } from 'node:crypto';
import { canonicalJson, type JsonObject } from '../../json/json.ts';

/** Changes with every change of a stored `config` record, whoever wrote it. */
export function configEtag(config: JsonObject): string {
  return createHash('sha256').update(canonicalJson(config)).digest('base64url').slice(0, 22);
}
