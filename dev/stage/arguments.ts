/** What AC's drawing calls take in place of numbers. */
export interface Shape {
  readonly x?: number;
  readonly y?: number;
  readonly w?: number;
  readonly h?: number;
  readonly width?: number;
  readonly height?: number;
  readonly x0?: number;
  readonly y0?: number;
  readonly x1?: number;
  readonly y1?: number;
}

type Maybe = number | undefined;
/** One argument of such a call. */
export type Argument = Maybe | Maybe[] | Shape | string;

/** A line's: `(x0, y0, x1, y1)`, `({x0, y0, x1, y1})`, `([x, y], [x, y])` or `({x, y}, {x, y})`. */
export function endsOf(args: readonly Argument[]): Maybe[] {
  const [first] = args;
  if (args.length === 1 && isShape(first)) return [first.x0, first.y0, first.x1, first.y1];
  if (args.length === 2) return args.flatMap((end) => (isShape(end) ? [end.x, end.y] : numbers(end)));
  return args.flatMap(numbers);
}

/** A box's: `(x, y, w, h)`, `(x, y, size)`, `({x, y, w, h})` or `([x, y, w, h])`, and a mode after any. */
export function boxOf(args: readonly Argument[]): { box: Maybe[]; mode: string | undefined } {
  const last = args.at(-1);
  const mode = typeof last === "string" ? last : undefined;
  const [first, ...rest] = mode === undefined ? args : args.slice(0, -1);
  if (isShape(first)) {
    const { x = 0, y = 0, w, h, width = w, height = h } = first;
    return { box: [x, y, width, height ?? width], mode };
  }
  const [x, y, w, h] = [...numbers(first), ...rest.flatMap(numbers)];
  return { box: [x, y, w, rest.length === 2 ? w : h], mode };
}

function isShape(argument: Argument): argument is Shape {
  return typeof argument === "object" && !Array.isArray(argument);
}

function numbers(argument: Argument): Maybe[] {
  if (Array.isArray(argument)) return argument;
  return [typeof argument === "number" ? argument : undefined];
}
