/** The shape of the repository: who may import whom, and how long a file may be. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';

const root = new URL('..', import.meta.url);
const files = ['compiler', 'runtime', 'grammar'].flatMap(folder => readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts')).map(f => `${folder}/${f}`));
const text = (file: string): string => readFileSync(new URL(file, root), 'utf8');
/** Modules that a file imports for their values, as paths from the root; packages as they stand. Imports of types bind nothing. */
const imports = (file: string): readonly string[] => [...text(file).matchAll(/^(?:import|export) (?!type )[^'"]*from '([^']+)'|import\('([^']+)'\)/gm)].map(m => m[1] ?? m[2] ?? '').map(m => (m.startsWith('.') ? new URL(m, new URL(file, root)).pathname.slice(root.pathname.length) : m));

test('the runtime imports nothing from the compiler, and no package but gpu.js when it is asked for', t => {
  for (const file of files.filter(f => f.startsWith('runtime/'))) t.deepEqual(imports(file).filter(i => !i.startsWith('runtime/') && i !== 'gpu.js'), [], file);
});
test('a stage uses the stages before it', t => {
  const stage = (f: string): number | undefined => { const m = /^compiler\/(\d)-/.exec(f); return m ? Number(m[1]) : undefined; };
  for (const file of files) {
    const own = stage(file);
    if (own === undefined) continue;
    for (const i of imports(file)) {
      const other = stage(i);
      // kernels' indices are arithmetic that the schedule writes with, and it recognises contractions with them
      if (other !== undefined && other > own && !(own === 5 && other === 6)) t.fail(`${file} imports ${i}`);
    }
  }
  t.pass();
});
test('no file is longer than 420 lines', t => {
  for (const file of files.filter(f => f !== 'grammar/cst.ts')) t.true(text(file).split('\n').length <= 420, `${file}: ${text(file).split('\n').length}`);
});
