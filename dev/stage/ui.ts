import { Box, type Place } from "./box.ts";

/** An event as pieces get it, as far as buttons look. */
interface PenEvent extends Place {
  readonly pointer?: number;
  is(name: string): boolean;
}

interface Callbacks {
  down?(button: Button): void;
  push?(button: Button): void;
  cancel?(button: Button): void;
  rollover?(button: Button): void;
  rollout?(button: Button): void;
}

/** AC's bare button: a hit box that follows pens through `act`. */
export class Button {
  readonly btn = this;
  box: Box;
  down = false;
  over = false;
  disabled = false;
  multitouch = true;

  constructor(x: number | { x: number; y: number; w: number; h: number }, y = 0, w = 1, h = w) {
    this.box = typeof x === "object" ? Box.from(x) : new Box(x, y, w, h);
  }

  act(
    e: PenEvent,
    callbacks: Callbacks | ((button: Button) => void) = () => {},
    pens: readonly Place[] = [],
  ) {
    const { btn } = this;
    if (btn.disabled) return;
    const on = typeof callbacks === "function" ? { push: callbacks } : callbacks;
    const which = btn.multitouch ? "any" : "1";
    const inside = btn.box.contains(e);

    if (e.is(`touch:${which}`) && inside && !btn.down) {
      on.down?.(btn);
      btn.down = btn.over = true;
    }
    if (e.is(`lift:${which}`) && btn.down) {
      const pushed = (pens.length > 0 && btn.box.onlyContains((e.pointer ?? 0) - 1, pens)) || inside;
      if (pushed) on.push?.(btn);
      else on.cancel?.(btn);
      btn.down = btn.over = false;
    }
    if (e.is(`draw:${which}`) && !btn.over && inside) {
      on.rollover?.(btn);
      btn.over = true;
    }
    if (e.is(`draw:${which}`) && btn.over && !inside && btn.box.containsNone(pens)) {
      on.rollout?.(btn);
      btn.over = false;
    }
  }

  paint(draw: (button: Button) => void) {
    if (!this.disabled) draw(this);
  }

  enableIf(flag: boolean) {
    this.disabled = !flag;
  }
}

interface Position {
  x?: number;
  y?: number;
  left?: number;
  right?: number;
  top?: number;
  bottom?: number;
  center?: string;
  screen?: { x?: number; y?: number; width: number; height: number };
}

const GAP = 4;
const HEIGHT = 19;

/** AC's labelled button: 6 px per character and 8, by 19. */
export class TextButton {
  txt: string;
  btn: Button;

  constructor(text = "Button", position: Position = {}) {
    this.txt = text;
    this.btn = new Button(boxOf(text, position));
  }

  act(...args: Parameters<Button["act"]>) {
    this.btn.act(...args);
  }
  get disabled() {
    return this.btn.disabled;
  }
  set disabled(disabled: boolean) {
    this.btn.disabled = disabled;
  }
  get down() {
    return this.btn.down;
  }
  set down(down: boolean) {
    this.btn.down = down;
  }
  get width() {
    return widthOf(this.txt);
  }
  get height() {
    return HEIGHT;
  }

  reposition(position: Position, text?: string) {
    if (text) this.txt = text;
    this.btn.box = Box.from(boxOf(this.txt, position));
  }

  /** Schemes are `[fill, outline, text, text background]`. */
  paint(
    { ink }: Pick<AcPencil, "ink">,
    scheme: AcColor[] = [0, 255, 255, 0],
    hoverScheme: AcColor[] = [255, 0, 0, 255],
    disabledScheme: AcColor[] = [64, 127, 127, 64],
  ) {
    const { box, disabled, down } = this.btn;
    const [fill, outline, text, behind] = disabled ? disabledScheme : down ? hoverScheme : scheme;
    ink(fill).box(box, "fill").ink(outline).box(box, "outline");
    ink(text).write(this.txt, { x: box.x + GAP, y: box.y + GAP }, behind);
  }
}

function boxOf(text: string, { x = 0, y = 0, ...at }: Position) {
  const w = widthOf(text);
  const h = HEIGHT;
  const screen = { x: 0, y: 0, width: NaN, height: NaN, ...at.screen }; // NaN: an edge of nothing is nowhere
  if (at.center === "xy") {
    return { x: screen.x + x + screen.width / 2 - w / 2, y: screen.y + y + screen.height / 2 - h / 2, w, h };
  }
  return {
    x: screen.x + x + (at.right === undefined ? (at.left ?? 0) : screen.width - at.right - w),
    y: screen.y + y + (at.bottom === undefined ? (at.top ?? 0) : screen.height - at.bottom - h),
    w,
    h,
  };
}

function widthOf(text: string): number {
  return text.length * 6 + 2 * GAP;
}
