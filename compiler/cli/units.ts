/** Large and small numbers as people read them. */

/** Nanoseconds in the unit that suits. */
export const duration = (nanoseconds: number): string => (nanoseconds >= 1e9 ? `${(nanoseconds / 1e9).toPrecision(3)} s` : nanoseconds >= 1e6 ? `${(nanoseconds / 1e6).toPrecision(3)} ms` : `${(nanoseconds / 1e3).toPrecision(3)} µs`);
/** A count in thousands, millions, thousand millions. */
export const scale = (n: number): string => (n >= 1e9 ? `${(n / 1e9).toFixed(2)} G` : n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n >= 1e3 ? `${(n / 1e3).toFixed(1)} k` : String(Math.round(n)));
