import { describe, expect, it } from 'vitest';
import { documents, readDocument } from '../../../lab/cost/documents/write-documents.ts';
import { readUnits } from '../../../lab/cost/units.ts';

describe('figures of money', () => {
  for (const [path, text] of documents(readUnits())) {
    it(`${path} has those of the calculator: npm run cost -- --write`, () => {
      expect(readDocument(path)).toBe(text);
    });
  }
});
