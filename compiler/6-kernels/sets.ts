/** Sets of names that grow from the leaves of an expression upwards: most parents mention what one of their children does. */

/** The union; one of the two where it holds the other, so that most of them are one object. */
export function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  if (a === b || holds(a, b)) return a;
  return holds(b, a) ? b : new Set([...a, ...b]);
}
function holds(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const name of b) if (!a.has(name)) return false;
  return true;
}
