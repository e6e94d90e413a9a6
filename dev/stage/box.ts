/** A point or an event: what has a place. */
export interface Place {
  readonly x?: number;
  readonly y?: number;
}

/** A rectangle to be hit by pens: AC's `geo.Box`, as far as buttons need it. Its far edges belong to it. */
export class Box {
  x: number;
  y: number;
  w: number;
  h: number;

  constructor(x = 0, y = 0, w = 1, h = w) {
    this.x = x;
    this.y = y;
    this.w = w || 1;
    this.h = h || 1;
  }

  static from(
    box: number[] | { x: number; y: number; w?: number; h?: number; width?: number; height?: number },
  ) {
    if (Array.isArray(box)) return new Box(...box);
    return new Box(box.x, box.y, box.w || box.width, box.h || box.height);
  }

  contains({ x = NaN, y = NaN }: Place): boolean {
    return this.x <= x && x <= this.x + this.w && this.y <= y && y <= this.y + this.h;
  }

  containsNone(places: readonly Place[]): boolean {
    return places.every((place) => !this.contains(place));
  }

  /** Whether of all `places` it holds the one at `index` and no other. */
  onlyContains(index: number, places: readonly Place[]): boolean {
    const place = places[index];
    return (
      place !== undefined && this.contains(place) && this.containsNone(places.filter((_, i) => i !== index))
    );
  }
}
