/** A name fit to be shown, whatever it is: in the typeface, on a line, in a page's title. */
export function plain(name: string): string {
  return name.replace(/[^\w@$./:-]/gu, "?").slice(0, 40);
}

/** Another's words, fit to be shown: in the typeface, on a line, and at most so many characters. */
export function shown(words: string, longest = 60): string {
  return words
    .replace(/[^\x20-\x7e]+/gu, " ")
    .trim()
    .slice(0, longest);
}

/** Lines of at most `columns` characters; a word longer than a line is broken. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(" ")) {
    const longer = line ? `${line} ${word}` : word;
    if (longer.length <= columns) {
      line = longer;
      continue;
    }
    if (line) lines.push(line);
    for (; word.length > columns; word = word.slice(columns)) lines.push(word.slice(0, columns));
    line = word;
  }
  return [...lines, line];
}

/**
 * What is drawn in lower case, as it is told to a screen reader: each sentence with a capital and an end. A word with
 * a dot, a dash or a digit in it is a name and stays as it is.
 */
export function sentence(text: string): string {
  const capital = text.replace(
    /(^|[.?!] )([a-z])(?=[a-z]*(?![\w-]|\.\w))/g,
    (_, before: string, first: string) => before + first.toUpperCase(),
  );
  return /(?:^|[.?!])$/.test(capital) ? capital : `${capital}.`;
}

/** As browsers and flashers count: a million bytes. */
export function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${thousands(bytes / 1e6)} MB`;
}

/** `2,985`, with one decimal below 100. */
export function thousands(value: number): string {
  const digits = value < 100 ? value.toFixed(1) : value.toFixed(0);
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Seconds as `59 s`, `3 min 5 s` or `2 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
