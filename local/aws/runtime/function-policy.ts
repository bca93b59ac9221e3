import { EngineError } from '../engine/engine-error.ts';

export interface Permission {
  readonly statementId: string;
  readonly action: string;
  /** A service: `events.amazonaws.com`. */
  readonly principal: string;
  readonly sourceArn?: string | undefined;
  readonly sourceAccount?: string | undefined;
}

/** A function's own policy: who else may call it. */
export class FunctionPolicy {
  readonly #functionArn: string;
  readonly #statements = new Map<string, object>();

  constructor(functionArn: string) {
    this.#functionArn = functionArn;
  }

  /** As AddPermission. */
  add({ statementId, action, principal, sourceArn, sourceAccount }: Permission): void {
    if (this.#statements.has(statementId)) {
      throw new EngineError(
        'ResourceConflictException',
        `The statement id (${statementId}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
        409,
      );
    }
    const condition = {
      ...(sourceArn === undefined ? {} : { ArnLike: { 'AWS:SourceArn': sourceArn } }),
      ...(sourceAccount === undefined ? {} : { StringEquals: { 'AWS:SourceAccount': sourceAccount } }),
    };
    this.#statements.set(statementId, {
      Sid: statementId,
      Effect: 'Allow',
      Principal: { Service: principal },
      Action: action,
      Resource: this.#functionArn,
      ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
    });
  }

  /** JSON text; undefined: there is none. */
  text(): string | undefined {
    if (this.#statements.size === 0) return undefined;
    return JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: [...this.#statements.values()] });
  }
}
