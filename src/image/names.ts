const LIST = new Intl.ListFormat("en-GB"); // without a comma before "and"

/** As "notepat", or "notepat, line and @jeffrey/frog". */
export function namesOf(names: readonly string[]): string {
  return LIST.format(names);
}
