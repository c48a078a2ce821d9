/** Numbers for the places that draw: a 32-bit hash of the path, made distinct within a model (DECISIONS 1.4). */

/** FNV-1a over the UTF-16 code units of a path. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Sites for given paths first, then for whatever path is asked for. */
export function siteLookup(paths: readonly string[]): (path: string) => number {
  // a model that trains and predicts differently gives its paths twice
  const known = [...new Set(paths)];
  let all = sites(known);
  return path => {
    const seen = all.get(path);
    if (seen !== undefined) return seen;
    known.push(path);
    all = sites(known);
    return all.get(path) ?? 0;
  };
}

/** Path -> site. Of two paths with one hash, the later (in the order given) is hashed again with a prime mark until it differs. */
export function sites(paths: readonly string[]): ReadonlyMap<string, number> {
  const taken = new Set<number>();
  return new Map(paths.map(path => {
    let [text, h] = [path, hash(path)];
    while (taken.has(h)) { text += '′'; h = hash(text); }
    taken.add(h);
    return [path, h] as const;
  }));
}
