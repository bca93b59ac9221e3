import type { FuzzTarget } from './fuzz-target.ts';
import { addresses } from './targets/addresses.ts';
import { filters } from './targets/filters.ts';
import { patterns } from './targets/patterns.ts';
import { posts } from './targets/posts.ts';
import { templates } from './targets/templates.ts';

export const targets: Readonly<Record<string, FuzzTarget>> = {
  posts,
  patterns,
  filters,
  addresses,
  templates,
};
