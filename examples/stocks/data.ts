/** Closing prices: read from a CSV file, or made up in the same form; and the windows that a network learns from. */
import { mersenne, normals } from '../common/numbers.ts';

export interface Day { readonly date: string; readonly close: number }

/** The columns Date and Close of a CSV file with a header; days without a price are left out. Throws where a column is missing. */
export function readPrices(csv: string): readonly Day[] {
  const [header = '', ...lines] = csv.split(/\r?\n/);
  const columns = header.split(',').map(c => c.trim());
  const [date, close] = ['Date', 'Close'].map(name => columns.indexOf(name));
  if (date === undefined || close === undefined || date < 0 || close < 0) throw new Error(`the file needs the columns Date and Close, and has ${columns.join(', ')}`);
  return lines.map(line => line.split(',')).map(cells => ({ date: cells[date] ?? '', close: Number(cells[close]) })).filter(d => d.date !== '' && d.close > 0);
}

/**
 * A made-up share over weekdays: log-prices walk at random, and the variance of a day remembers the days before it, so that calm and
 * wild times come in clusters (GARCH(1, 1), Bollerslev 1986: v' = (1 - a - b) v0 + a r² + b v, with a = 0.08, b = 0.9 and v0 = (1.3 %)²).
 */
export function makePrices(days: number, seed: number): readonly Day[] {
  const normal = normals(mersenne(seed)());
  const usual = 0.013 ** 2;
  const date = new Date(Date.UTC(2006, 0, 2));
  let [close, v] = [82, usual];
  return Array.from({ length: days }, () => {
    const r = Math.sqrt(v) * normal();
    v = 0.02 * usual + 0.08 * r * r + 0.9 * v;
    close *= Math.exp(0.0002 + r);
    const day = { date: date.toISOString().slice(0, 10), close: Math.round(100 * close) / 100 };
    do date.setUTCDate(date.getUTCDate() + 1); while (date.getUTCDay() % 6 === 0);
    return day;
  });
}

export interface Windows { readonly window: number[][][]; readonly close: number[][] }
/** Windows of closing prices and the price that follows each; the latter's place in the list of days is `next`. */
export interface Cut { readonly train: Windows; readonly test: Windows & { readonly next: readonly number[] }; /** Standard deviation of a training day's change of log-price. */ readonly scale: number }

/**
 * Cuts the days into windows of `length` and the day after each; the first `share` of them is for training. A window holds log-prices as
 * they differ from its last, in units of the training days' standard deviation, so that it looks the same at any level of the price.
 */
export function cutWindows(days: readonly Day[], length: number, share: number): Cut {
  const logs = days.map(d => Math.log(d.close));
  const [count, split] = [days.length - length, Math.floor(share * (days.length - length))];
  const changes = logs.slice(1, split + length).map((l, i) => l - (logs[i] ?? NaN));
  const mean = changes.reduce((s, c) => s + c, 0) / changes.length;
  const scale = Math.sqrt(changes.reduce((s, c) => s + (c - mean) ** 2, 0) / changes.length);
  const relative = (day: number, last: number): number[] => [((logs[day] ?? NaN) - (logs[last] ?? NaN)) / scale];
  const windows = (from: number, to: number): Windows & { readonly next: readonly number[] } => {
    const next = Array.from({ length: to - from }, (_, i) => from + i + length);
    return { next, window: next.map(n => Array.from({ length }, (_, k) => relative(n - length + k, n - 1))), close: next.map(n => relative(n, n - 1)) };
  };
  const { window, close } = windows(0, split);
  return { train: { window, close }, test: windows(split, count), scale };
}
