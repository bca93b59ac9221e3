import { describe, expect, it } from 'vitest';
import { errorSentence, problem } from '../../lambdas/http/problem.ts';

describe('a problem document', () => {
  it('says its status and, without a type of its own, about:blank', () => {
    expect(problem(404, 'Not Found')).toEqual({ type: 'about:blank', title: 'Not Found', status: 404 });
  });

  it('names each field that is wrong', () => {
    const errors = [{ field: 'url', detail: 'must be https' }];
    expect(problem(400, 'Bad Request', { detail: 'One field is wrong.', errors })).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'One field is wrong.',
      errors,
    });
  });

  it('has no empty list of errors', () => {
    expect(problem(400, 'Bad Request', { errors: [] })).not.toHaveProperty('errors');
  });

  it('tells all fields in one sentence where only a text fits', () => {
    expect(
      errorSentence([
        { field: 'url', detail: 'must be https' },
        { field: '', detail: 'is not an object' },
      ]),
    ).toBe('url: must be https; is not an object');
  });
});
