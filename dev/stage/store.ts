/** A piece's `store`, on the page's side. AC keeps `local:db` in IndexedDB; for what tests keep this will do. */
interface Key {
  readonly key: string;
  readonly method: string;
}

/** Keep a value; nothing at all forgets it. */
export function keep({ data, ...key }: Key & { readonly data: unknown }): void {
  if (data === undefined) localStorage.removeItem(nameOf(key));
  else localStorage.setItem(nameOf(key), JSON.stringify(data));
}

/** The value of a key: `null` when there is nothing, as in AC. */
export function kept(key: Key): unknown {
  return JSON.parse(localStorage.getItem(nameOf(key)) ?? "null") as unknown;
}

/** Forget the value of a key. */
export function forget(key: Key): void {
  localStorage.removeItem(nameOf(key));
}

function nameOf({ key, method }: Key): string {
  return method === "local" ? key : `${method}:${key}`;
}
