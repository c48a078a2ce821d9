/** `new DIR`: a project that runs at once: a model, an app that trains it, and the scripts for both. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { version } from '../version.ts';
import { UserError } from './output.ts';

const model = `/// A curve and how far points scatter around it.
model Curve {
  prior     normal(0, 1)  // the default, 0.1, expects hardly any slope: with few points it wins
  posterior normal(mu: normal(0, 0.5), rho: -3)

  input  x: [batch, 1]
  target y: [batch, 1]

  h = x |> linear(32) |> relu
  m = h |> linear(1) as mean
  s = 0.05 + softplus(h |> linear(1) as spread)

  output  mean = m
  observe y ~ normal(m, s)
}
`;
const app = `import { Curve } from './curve.bnn.js'

const x = Float32Array.from({ length: 500 }, () => 4 * Math.random() - 2)
const y = x.map(v => Math.sin(2 * v) + 0.2 * (Math.random() - 0.5))

const model = await Curve.create({ seed: 1 })
const history = await model.fit({ x, y }, { epochs: 300, batchSize: 32, samples: 2, optimizer: { kind: 'adam', learningRate: 0.01 } })
console.log(\`trained on \${model.backend}: loss \${history.at(-1)?.loss.toFixed(3)}\`)

const at = Float32Array.from([-1, 0, 1, 4])                       // no point is near 4
const { y: observed } = await model.predict({ x: at }, { samples: 200 })
const { lower, upper } = observed.interval(0.95)
at.forEach((v, i) => console.log(\`x \${v}: \${observed.mean.data[i].toFixed(2)}, 95 % between \${lower.data[i].toFixed(2)} and \${upper.data[i].toFixed(2)}\`))
model.dispose()
`;
const readme = (name: string): string => `# ${name}

\`\`\`sh
npm install
npm start        # compiles curve.bnn, trains it and predicts
npm run watch    # compiles again whenever curve.bnn changes
\`\`\`
`;

/** This package: by its version where it was installed, by its folder where it runs from a clone. */
function dependency(): string {
  const own = fileURLToPath(new URL('../../..', import.meta.url)); // of dist/compiler/cli
  return own.includes(`${sep}node_modules${sep}`) || !existsSync(join(own, '.git')) ? `^${version}` : `file:${own}`;
}

/** Makes a folder with a project. Refuses one that has anything in it. */
export function newCommand(folder: string, { json }: { readonly json?: boolean }): void {
  const at = resolve(folder);
  if (existsSync(at) && !statSync(at).isDirectory()) throw new UserError(`${folder} is a file: name a folder that is not there yet`);
  if (existsSync(at) && readdirSync(at).length > 0) throw new UserError(`${folder} is not empty: name a folder that is not there yet`);
  const name = basename(at).toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-').replace(/^[._-]+/, '') || 'bnnc-project';
  const files: Readonly<Record<string, string>> = {
    'curve.bnn': model, 'main.mjs': app, 'README.md': readme(name), '.gitignore': 'node_modules\n*.bnn.js\n*.bnn.*.js\n*.bnn.d.ts\n',
    'package.json': `${JSON.stringify({ name, private: true, type: 'module', scripts: { start: 'bnnc compile curve.bnn --target wasm && node main.mjs', watch: 'bnnc compile curve.bnn --watch' }, dependencies: { bnnc: dependency() } }, undefined, 2)}\n`,
  };
  try {
    mkdirSync(at, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(at, file), text);
  } catch (e) { throw new UserError(`${folder} can't be made: ${e instanceof Error ? e.message : String(e)}`); }
  if (json) { process.stdout.write(`${JSON.stringify({ folder: at, files: Object.keys(files) }, undefined, 2)}\n`); return; }
  process.stdout.write(`${pc.green('made')} ${folder}: ${Object.keys(files).join(', ')}\n  cd ${folder} && npm install && npm start\n`);
}
