import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface Operation {
  readonly requestBody?: { readonly content: Record<string, { readonly schema: unknown }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: unknown }> }>;
}

export interface OpenApiDocument {
  readonly paths: Record<string, Record<string, unknown>>;
  readonly components: Record<string, unknown>;
}

export interface SeenAnswer {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly contentType: string | undefined;
  /** The body as JSON, or undefined where there is none. */
  readonly body: unknown;
}

/**
 * Holds answers against an OpenAPI document: the status, the media type and the body must be among what the document
 * promises for that method and path. Returns what is wrong, or undefined.
 */
export function answerCheck(document: OpenApiDocument): (answer: SeenAnswer) => string | undefined {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema({ $id: 'https://openapi.test/', components: document.components });
  const compiled = new Map<string, ValidateFunction>();
  const templates = Object.keys(document.paths).map((template) => ({
    template,
    pattern: new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
  }));

  return ({ method, path, status, contentType, body }) => {
    const [pathOnly = ''] = path.split('?');
    const template = templates.find(({ pattern }) => pattern.test(pathOnly))?.template;
    if (template === undefined) return status === 404 ? undefined : `${path} is not in the document`;
    const operation = document.paths[template]?.[method.toLowerCase()] as Operation | undefined;
    if (operation === undefined) return status === 405 ? undefined : `${method} ${template} is not in the document`;
    const promised = operation.responses[String(status)];
    if (promised === undefined) return `${method} ${template} does not promise status ${status}`;
    if (promised.content === undefined) return body === undefined ? undefined : `${status} should have no body`;
    const mediaType = contentType?.split(';')[0] ?? '';
    const schema = promised.content[mediaType]?.schema;
    if (schema === undefined) return `${method} ${template} ${status} does not promise ${mediaType}`;
    const key = `${method} ${template} ${status} ${mediaType}`;
    let validate = compiled.get(key);
    if (validate === undefined) {
      const text = JSON.stringify(schema).replaceAll('#/components', 'https://openapi.test/#/components');
      validate = ajv.compile(JSON.parse(text));
      compiled.set(key, validate);
    }
    return validate(body) ? undefined : `${key}: ${ajv.errorsText(validate.errors)}`;
  };
}
