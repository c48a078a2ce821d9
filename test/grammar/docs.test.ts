/** The generated parts of the reference say what the tables say: `npm run docs` writes them. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { filled } from '../../grammar/docs.ts';

test('the reference is not stale', t => {
  const text = readFileSync(new URL('../../grammar/reference.md', import.meta.url), 'utf8');
  t.is(text, filled(text));
});
