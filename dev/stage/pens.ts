import type { PenEvent, Pointer } from "./messages.ts";

/** Mouse, pens and fingers, gathered from one frame to the next. */
export class Pens {
  events: PenEvent[] = [];
  readonly #pointers = new Map<number, Pointer & { index: number }>();

  /** `point` turns a point of the window into one of the canvas. */
  constructor(point: (x: number, y: number) => { x: number; y: number }) {
    // On the window: what lies over the canvas does not keep pens from the piece.
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"] as const) {
      window.addEventListener(type, (event) => this.#take(event, point(event.clientX, event.clientY)));
    }
    window.addEventListener("contextmenu", (event) => event.preventDefault());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) return;
      for (const pointer of this.#pointers.values()) if (pointer.drawing) this.#tell("lift", pointer);
      this.#pointers.clear();
    });
  }

  get pointers(): Pointer[] {
    return [...this.#pointers.values()];
  }

  #take(event: PointerEvent, { x, y }: { x: number; y: number }): void {
    const id = event.isPrimary ? 1 : event.pointerId;
    const before = this.#pointers.get(id);
    const down = event.type === "pointerdown";
    const up = event.type === "pointerup" || event.type === "pointercancel";
    const pointer = {
      id,
      x,
      y,
      px: before?.x ?? x,
      py: before?.y ?? y,
      delta: { x: x - (before?.x ?? x), y: y - (before?.y ?? y) },
      device: event.pointerType,
      pressure: 1,
      isPrimary: event.isPrimary,
      drawing: down || (!up && (before?.drawing ?? false)),
      button: down ? event.button : (before?.button ?? event.button),
      index: before?.index ?? this.#pointers.size,
    };
    this.#pointers.set(id, pointer);
    if (down) this.#tell("touch", pointer);
    else if (up) {
      if (before?.drawing) this.#tell("lift", pointer);
      if (event.pointerType !== "mouse") this.#pointers.delete(id);
    } else if (pointer.delta.x || pointer.delta.y) this.#tell(pointer.drawing ? "draw" : "move", pointer);
  }

  #tell(name: PenEvent["name"], { index, ...pointer }: Pointer & { index: number }): void {
    this.events.push({ ...pointer, name, pointer: index + 1 });
  }
}
